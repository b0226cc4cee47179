// SPDX-License-Identifier: GPL-2.0

//! Checks that `RUST_VMA=n` gives the kernel that there is without the overlay: every section of every object below
//! rust/ has the same size. Contents may differ where they hold the line numbers of a file that has insertions.

use super::two_trees::Built;
use crate::objcode;
use crate::report::Outcome;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;

/// Bytes by object and section.
type Sizes = BTreeMap<String, BTreeMap<String, u64>>;

pub struct Gate {
    with: Sizes,
    without: Sizes,
}

impl Gate {
    pub fn of(with: &Built, without: &Built) -> Result<Self> {
        Ok(Self {
            with: sizes(with)?,
            without: sizes(without)?,
        })
    }

    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.check(self.without.contains_key("kernel.o"), || {
            "RUST_VMA=n: no kernel.o to compare".to_string()
        });
        for name in keys(&self.with, &self.without) {
            let of = |sizes: &Sizes| sizes.get(name).cloned().unwrap_or_default();
            let (with, without) = (of(&self.with), of(&self.without));
            let changed: Vec<String> = keys(&with, &without)
                .filter(|section| with.get(*section) != without.get(*section))
                .map(|section| {
                    let of = |sizes: &BTreeMap<_, u64>| sizes.get(section).copied().unwrap_or(0);
                    format!("{section} has {} bytes, not {}", of(&with), of(&without))
                })
                .collect();
            outcome.check(changed.is_empty(), || {
                format!(
                    "RUST_VMA=n: rust/{name} is not the one without the overlay: {}",
                    changed.join(", ")
                )
            });
        }
        outcome
    }

    pub fn line(&self) -> String {
        let all = |sizes: &Sizes| -> u64 { sizes.values().flat_map(BTreeMap::values).sum() };
        format!(
            "RUST_VMA=n: {} objects below rust/ of {} bytes, {} without the overlay\n",
            self.with.len(),
            all(&self.with),
            all(&self.without)
        )
    }
}

fn keys<'a, T>(
    one: &'a BTreeMap<String, T>,
    other: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = &'a String> {
    let more = other.keys().filter(|key| !one.contains_key(*key));
    one.keys().chain(more)
}

fn sizes(built: &Built) -> Result<Sizes> {
    let mut sizes = Sizes::new();
    for sub in ["", "helpers/"] {
        let dir = built.out.join("rust").join(sub);
        let entries =
            fs::read_dir(&dir).with_context(|| format!("{}: cannot be read", dir.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|x| x == "o") {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let headers = ["--section-headers", "--wide"];
                let text = objcode::objdump(&built.kernel, &headers, &path)?;
                sizes.insert(format!("{sub}{name}"), sections(&text));
            }
        }
    }
    Ok(sizes)
}

/// Reads lines of `INDEX NAME SIZE VMA TYPE`; sections of one name are one.
fn sections(text: &str) -> BTreeMap<String, u64> {
    let mut sizes = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [index, name, size, ..] = words[..] else {
            continue;
        };
        if let (Ok(_), Ok(size)) = (index.parse::<u32>(), u64::from_str_radix(size, 16)) {
            *sizes.entry(name.to_string()).or_default() += size;
        }
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(objects: &[(&str, &str)]) -> Sizes {
        let all = objects.iter();
        all.map(|(name, text)| (name.to_string(), sections(text)))
            .collect()
    }

    const KERNEL: &str = "Idx Name     Size     VMA              Type\n  \
                          0          00000000 0000000000000000 \n  \
                          1 .text    00000010 0000000000000000 TEXT\n  \
                          2 .rodata  00000008 0000000000000000 DATA\n";

    #[test]
    fn a_section_that_grows_or_an_object_that_is_new_fails() {
        let failures = |with: &[(&str, &str)]| {
            let (with, without) = (side(with), side(&[("kernel.o", KERNEL)]));
            Gate { with, without }.judge().failures
        };
        assert!(failures(&[("kernel.o", KERNEL)]).is_empty());
        let grown = KERNEL.replace("00000010", "00000018");
        let failed = failures(&[("kernel.o", &grown)]);
        assert!(
            failed[0].contains(
                "kernel.o is not the one without the overlay: .text has 24 bytes, not 16"
            ),
            "{failed:?}"
        );
        assert_eq!(
            failures(&[("kernel.o", KERNEL), ("new.o", KERNEL)]).len(),
            1
        );
        let nothing = Gate {
            with: Sizes::new(),
            without: Sizes::new(),
        };
        assert!(nothing.judge().failures[0].contains("no kernel.o"));
    }
}
