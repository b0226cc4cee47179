// SPDX-License-Identifier: GPL-2.0

//! Checks that `RUST_VMA=n` gives the kernel that there is without the overlay: every section of every object below
//! rust/ has the same size. Contents may differ where they hold the line numbers of a file that has insertions. And
//! that `RUST_VMA_MM=n`, which drivers get, builds without a warning.

use crate::proc;
use crate::report::Outcome;
use anyhow::{Context, Result};
use object::{Object as _, ObjectSection};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The output of bindgen for headers and helpers. Helpers that are inlined are in no object unless they are called.
const BINDINGS: [&str; 2] = [
    "bindings/bindings_generated.rs",
    "bindings/bindings_helpers_generated.rs",
];

/// The option and what selects it in the kernel crate.
const WITHOUT_MM: [&str; 2] = ["CONFIG_RUST_VMA_MM", "CONFIG_RUST_VMA_KUNIT_TEST"];

/// Bytes by object and section.
type Sizes = BTreeMap<String, BTreeMap<String, u64>>;

pub struct Gate {
    with: Sizes,
    without: Sizes,
    /// Those that are not the same.
    bindings: Vec<&'static str>,
}

impl Gate {
    pub fn of(with: &Path, without: &Path) -> Result<Self> {
        Ok(Self {
            with: sizes(with)?,
            without: sizes(without)?,
            bindings: changed_bindings(with, without)?,
        })
    }

    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.check(self.without.contains_key("kernel.o"), || {
            "RUST_VMA=n: no kernel.o to compare".to_string()
        });
        outcome.check(self.bindings.is_empty(), || {
            let files = self.bindings.join(" and rust/");
            format!("RUST_VMA=n: rust/{files} are not those without the overlay")
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

/// Has rustc look at the `kernel` crate of a kernel again, without `RUST_VMA_MM`.
pub fn without_mm(out: &Path) -> Result<Outcome> {
    let read = |name: &str| {
        let file = out.join(name);
        fs::read_to_string(&file).with_context(|| format!("{}: cannot be read", file.display()))
    };
    let options = read("include/generated/rustc_cfg")?;
    let others: Vec<&str> = options
        .lines()
        .filter(|line| !WITHOUT_MM.iter().any(|option| line.contains(option)))
        .collect();
    let aside = tempfile::Builder::new()
        .prefix("without-mm-")
        .tempdir_in(out)?;
    fs::write(aside.path().join("rustc_cfg"), others.join("\n"))?;
    let line = checking_line(&read("rust/.kernel.o.cmd")?, aside.path())
        .with_context(|| format!("{}: no call of rustc for kernel.o", out.display()))?;
    let mut rustc = proc::command("sh");
    rustc.arg("-c").arg(line).current_dir(out);
    rustc.env("RUSTC_BOOTSTRAP", "1");
    let done = proc::output(rustc)?;
    let said = String::from_utf8_lossy(&done.stderr);
    let mut outcome = Outcome::default();
    outcome.check(others.len() < options.lines().count(), || {
        "RUST_VMA_MM=n: the kernel is without it already".to_string()
    });
    outcome.check(done.status.success() && said.is_empty(), || {
        let first: Vec<&str> = said.lines().take(20).collect();
        format!(
            "RUST_VMA_MM=n: the kernel crate does not build without a warning:\n{}",
            first.join("\n")
        )
    });
    Ok(outcome)
}

/// The command that made kernel.o, with the options that are put aside and without code.
fn checking_line(text: &str, aside: &Path) -> Option<String> {
    let (_, command) = text.lines().next()?.split_once(":= ")?;
    let words = command.split(';').next()?.split_whitespace();
    let mut line: Vec<String> = words
        .filter(|word| !word.starts_with("--emit="))
        .map(|word| match word.ends_with("/generated/rustc_cfg") {
            true => format!("'@{}'", aside.join("rustc_cfg").display()),
            false => word.to_string(),
        })
        .collect();
    let is_kernel = line.join(" ").contains("--crate-name kernel ");
    line.push(format!(
        "--emit=metadata='{}'",
        aside.join("kernel.rmeta").display()
    ));
    is_kernel.then(|| line.join(" "))
}

fn keys<'a, T>(
    one: &'a BTreeMap<String, T>,
    other: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = &'a String> {
    let more = other.keys().filter(|key| !one.contains_key(*key));
    one.keys().chain(more)
}

fn changed_bindings(with: &Path, without: &Path) -> Result<Vec<&'static str>> {
    let read = |out: &Path, name: &str| {
        let file = out.join("rust").join(name);
        fs::read(&file).with_context(|| format!("{}: cannot be read", file.display()))
    };
    let mut changed = Vec::new();
    for name in BINDINGS {
        if read(with, name)? != read(without, name)? {
            changed.push(name);
        }
    }
    Ok(changed)
}

fn sizes(out: &Path) -> Result<Sizes> {
    let mut sizes = Sizes::new();
    for sub in ["", "helpers/"] {
        let dir = out.join("rust").join(sub);
        let entries =
            fs::read_dir(&dir).with_context(|| format!("{}: cannot be read", dir.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|x| x == "o") {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                sizes.insert(format!("{sub}{name}"), sections(&path)?);
            }
        }
    }
    Ok(sizes)
}

/// Returns the sizes of an object's sections; sections of one name are one.
fn sections(path: &Path) -> Result<BTreeMap<String, u64>> {
    let wrong = || format!("{}: cannot be read as an object file", path.display());
    let bytes = fs::read(path).with_context(wrong)?;
    let object = object::File::parse(&*bytes).with_context(wrong)?;
    let mut sizes = BTreeMap::new();
    for section in object.sections() {
        *sizes.entry(section.name()?.to_string()).or_default() += section.size();
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(objects: &[(&str, u64)]) -> Sizes {
        let of = |text| BTreeMap::from([(".text".to_string(), text), (".rodata".to_string(), 8)]);
        let all = objects.iter();
        all.map(|(name, text)| (name.to_string(), of(*text)))
            .collect()
    }

    #[test]
    fn rustc_checks_without_code_generation() {
        let text = "savedcmd_rust/kernel.o := OBJTREE=/o rustc -Cx=y @./include/generated/rustc_cfg \
                    --emit=dep-info=rust/.kernel.o.d --emit=obj=rust/kernel.o --crate-name kernel /l/lib.rs ; ld a\n";
        assert_eq!(
            checking_line(text, Path::new("/t")).unwrap(),
            "OBJTREE=/o rustc -Cx=y '@/t/rustc_cfg' --crate-name kernel /l/lib.rs --emit=metadata='/t/kernel.rmeta'"
        );
        assert_eq!(
            checking_line("savedcmd_a := ld -o a b\n", Path::new("/t")),
            None
        );
    }

    #[test]
    fn grown_section_or_new_object_fails() {
        let failures = |with: &[(&str, u64)]| {
            let (with, without) = (side(with), side(&[("kernel.o", 16)]));
            let bindings = Vec::new();
            let gate = Gate {
                with,
                without,
                bindings,
            };
            gate.judge().failures
        };
        assert!(failures(&[("kernel.o", 16)]).is_empty());
        let failed = failures(&[("kernel.o", 24)]);
        assert!(
            failed[0].contains(
                "kernel.o is not the one without the overlay: .text has 24 bytes, not 16"
            ),
            "{failed:?}"
        );
        assert_eq!(failures(&[("kernel.o", 16), ("new.o", 16)]).len(), 1);
        let nothing = Gate {
            with: Sizes::new(),
            without: Sizes::new(),
            bindings: vec![BINDINGS[1]],
        };
        let failed = nothing.judge().failures;
        assert!(failed[0].contains("no kernel.o"), "{failed:?}");
        assert!(failed[1].contains("rust/bindings/bindings_helpers_generated.rs are not"));
    }
}
