// SPDX-License-Identifier: GPL-2.0

//! What the primitives took when it was stored last, and whether Rust takes more by now. Where the toolchain is another
//! one, C is held against C, too: what Rust takes beyond it may not have grown.

use super::lines::Language;
use super::primitives::Measured;
use super::toolchain::Toolchain;
use crate::report::Outcome;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The one under version control, in the checkout.
pub const FILE: &str = "scripts/bench/baseline.toml";

/// How much more Rust may take: the greater of so many instructions and of such a part.
const MORE: f64 = 0.5;
const MORE_PART: f64 = 0.001;

/// Instructions by kernel and primitive.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    toolchain: Toolchain,
    instructions: BTreeMap<String, BTreeMap<String, Counts>>,
}

/// Of a round of the loop, with two decimals.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    c: f64,
    rust: f64,
    upstream: Option<f64>,
}

impl Counts {
    fn toml(&self) -> String {
        let upstream = self
            .upstream
            .map(|count| format!(", upstream = {count:.2}"));
        format!(
            "{{ c = {:.2}, rust = {:.2}{} }}",
            self.c,
            self.rust,
            upstream.unwrap_or_default()
        )
    }
}

/// What came of a comparison.
#[derive(Debug, Default)]
pub struct Compared {
    pub outcome: Outcome,
    /// What takes less than before.
    pub better: Vec<String>,
    /// The other toolchain that was compared with, if it is another.
    pub other: Option<Toolchain>,
}

impl Baseline {
    pub fn of(kernels: &[Measured], toolchain: &Toolchain) -> Self {
        let rounded = |value: f64| (100.0 * value).round() / 100.0;
        let of_kernel = |kernel: &Measured| {
            let primitives = kernel.figures().all.iter();
            primitives
                .filter_map(|primitive| {
                    let gross = |language| primitive.gross(language).map(rounded);
                    let counts = Counts {
                        c: gross(Language::C)?,
                        rust: gross(Language::Rust)?,
                        upstream: gross(Language::Upstream),
                    };
                    Some((primitive.name.clone(), counts))
                })
                .collect()
        };
        Self {
            toolchain: toolchain.clone(),
            instructions: kernels
                .iter()
                .map(|kernel| (kernel.helpers.name().to_string(), of_kernel(kernel)))
                .collect(),
        }
    }

    pub fn load(file: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(file).context("no baseline: `make bench-baseline` stores one")?;
        Self::parse(&text).context("not a baseline")
    }

    fn parse(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }

    pub fn write(&self, file: &Path) -> Result<()> {
        fs::write(file, self.toml())
            .with_context(|| format!("{}: cannot be written", file.display()))
    }

    /// How many primitives it has, in all kernels.
    pub fn len(&self) -> usize {
        self.instructions.values().map(BTreeMap::len).sum()
    }

    fn toml(&self) -> String {
        let Toolchain {
            kernel,
            rustc,
            llvm,
            clang,
        } = &self.toolchain;
        let mut text = format!(
            "# SPDX-License-Identifier: GPL-2.0\n\
             #\n\
             # Guest instructions of each primitive, with its call and the loop around it. Written by `make bench-baseline`,\n\
             # compared with by `make bench-compare`. These are those of one toolchain; for another, what counts is how far\n\
             # Rust is from C.\n\
             \n\
             [toolchain]\n\
             kernel = \"{kernel}\"\n\
             rustc = \"{rustc}\"\n\
             llvm = \"{llvm}\"\n\
             clang = \"{clang}\"\n"
        );
        for (kernel, primitives) in &self.instructions {
            text += &format!("\n[instructions.{kernel}]\n");
            for (name, counts) in primitives {
                text += &format!("{name} = {}\n", counts.toml());
            }
        }
        text
    }

    /// Holds what was measured now against this.
    pub fn compare(&self, now: &Self) -> Compared {
        let same = self.toolchain == now.toolchain;
        let mut compared = Compared {
            other: (!same).then(|| self.toolchain.clone()),
            ..Compared::default()
        };
        for (kernel, were) in &self.instructions {
            match now.instructions.get(kernel) {
                Some(are) => compared.kernel(kernel, were, are),
                // Only compilers of one LLVM inline helpers.
                None => compared.outcome.skipped += were.len(),
            }
        }
        let new = now.instructions.iter();
        for (kernel, are) in new.filter(|(kernel, _)| !self.instructions.contains_key(*kernel)) {
            compared.kernel(kernel, &BTreeMap::new(), are);
        }
        compared
    }
}

impl Compared {
    fn kernel(
        &mut self,
        kernel: &str,
        were: &BTreeMap<String, Counts>,
        are: &BTreeMap<String, Counts>,
    ) {
        for (name, was) in were {
            match are.get(name) {
                Some(is) => self.primitive(&format!("{name}, helpers {kernel}"), was, is),
                None => self.outcome.fail(format!(
                    "{name}, helpers {kernel}: is in the baseline and was not measured: if it is gone for good, \
                     `make bench-baseline` forgets it"
                )),
            }
        }
        for name in are.keys().filter(|name| !were.contains_key(*name)) {
            self.outcome.fail(format!(
                "{name}, helpers {kernel}: is not in the baseline: `make bench-baseline` stores it"
            ));
        }
    }

    fn primitive(&mut self, name: &str, was: &Counts, is: &Counts) {
        let (before, after, what) = match self.other {
            None => (was.rust, is.rust, "instructions"),
            Some(_) => (was.rust - was.c, is.rust - is.c, "instructions more than C"),
        };
        let more = after - before;
        let few = MORE.max(MORE_PART * was.rust);
        let said = format!("{name}: was {before:.2} {what}, is {after:.2}");
        if more < -few {
            self.better.push(said.clone());
        }
        self.outcome.check(more <= few, || said);
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::Line;
    use super::super::primitives::{Helpers, Primitives};
    use super::*;

    fn toolchain(rustc: &str) -> Toolchain {
        Toolchain {
            kernel: "7.3.4".to_string(),
            rustc: rustc.to_string(),
            llvm: "22.1.8".to_string(),
            clang: "22.1.8".to_string(),
        }
    }

    /// A baseline of primitives by what they take in C and in Rust.
    fn baseline(rustc: &str, primitives: &[(&str, f64, f64)]) -> Baseline {
        let counts = |(name, c, rust): &(&str, f64, f64)| {
            let counts = Counts {
                c: *c,
                rust: *rust,
                upstream: None,
            };
            (name.to_string(), counts)
        };
        let inline = primitives.iter().map(counts).collect();
        Baseline {
            toolchain: toolchain(rustc),
            instructions: BTreeMap::from([("inline".to_string(), inline)]),
        }
    }

    fn failures(was: &Baseline, is: &Baseline) -> Vec<String> {
        was.compare(is).outcome.failures
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let lines: Vec<Line> = [
            "primitive mmap-read c 3000 100000 1",
            "primitive mmap-read rust 1000 40000 1",
            "primitive mmap-read upstream 1000 44126 1",
            "primitive vma-read c 1000 50000 1",
            "primitive vma-read rust 1000 50000 1",
            "primitive half c 1000 50000 1",
        ]
        .iter()
        .map(|line| Line::parse(line).unwrap())
        .collect();
        let measured = Measured {
            config: "k",
            helpers: Helpers::Calls,
            boots: [Primitives::of(&lines), Primitives::default()],
        };
        let stored = Baseline::of(&[measured], &toolchain("1.96.0"));
        let text = stored.toml();
        assert!(
            text.ends_with(
                "[instructions.calls]\n\
                 mmap-read = { c = 33.33, rust = 40.00, upstream = 44.13 }\n\
                 vma-read = { c = 50.00, rust = 50.00 }\n"
            ),
            "{text}"
        );
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("baseline.toml");
        stored.write(&file).unwrap();
        assert_eq!(Baseline::load(&file).unwrap(), stored);
        assert_eq!(stored.len(), 2);
        assert_eq!(failures(&stored, &stored), [""; 0]);
    }

    #[test]
    fn a_baseline_that_is_not_there_or_not_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("baseline.toml");
        let error = Baseline::load(&file).unwrap_err().to_string();
        assert_eq!(error, "no baseline: `make bench-baseline` stores one");
        fs::write(&file, "[toolchain]\n").unwrap();
        let error = Baseline::load(&file).unwrap_err().to_string();
        assert_eq!(error, "not a baseline");
    }

    #[test]
    fn rust_that_takes_more_is_a_failure() {
        let was = baseline("1", &[("read", 40.0, 40.0), ("walk", 9000.0, 9000.0)]);
        let is =
            |read: f64, walk: f64| baseline("1", &[("read", 40.0, read), ("walk", 9000.0, walk)]);
        assert_eq!(failures(&was, &is(40.5, 9009.0)), [""; 0]);
        assert_eq!(was.compare(&is(40.5, 9009.0)).outcome.passed, 2);
        assert_eq!(
            failures(&was, &is(40.51, 9009.1)),
            [
                "read, helpers inline: was 40.00 instructions, is 40.51",
                "walk, helpers inline: was 9000.00 instructions, is 9009.10"
            ]
        );
    }

    #[test]
    fn rust_that_takes_less_is_listed() {
        let was = baseline("1", &[("read", 40.0, 40.0)]);
        let compared = was.compare(&baseline("1", &[("read", 30.0, 39.0)]));
        assert_eq!(compared.outcome.failed, 0);
        assert_eq!(
            compared.better,
            ["read, helpers inline: was 40.00 instructions, is 39.00"]
        );
        let little = was.compare(&baseline("1", &[("read", 30.0, 39.5)]));
        assert_eq!(little.better, [""; 0]);
    }

    #[test]
    fn missing_and_new_primitives_are_failures() {
        let was = baseline("1", &[("read", 40.0, 40.0)]);
        let is = baseline("1", &[("write", 40.0, 40.0)]);
        assert_eq!(
            failures(&was, &is),
            [
                "read, helpers inline: is in the baseline and was not measured: if it is gone for good, \
                 `make bench-baseline` forgets it",
                "write, helpers inline: is not in the baseline: `make bench-baseline` stores it"
            ]
        );
    }

    #[test]
    fn another_toolchain_is_compared_by_the_distance_from_c() {
        let was = baseline("1", &[("read", 40.0, 42.0)]);
        let compared = was.compare(&baseline("2", &[("read", 50.0, 52.0)]));
        assert_eq!(compared.outcome.failed, 0);
        assert_eq!(compared.other, Some(toolchain("1")));
        assert_eq!(
            failures(&was, &baseline("2", &[("read", 38.0, 41.0)])),
            ["read, helpers inline: was 2.00 instructions more than C, is 3.00"]
        );
        assert_eq!(was.compare(&was).other, None);
    }

    #[test]
    fn a_kernel_that_cannot_be_built_is_skipped_and_a_new_one_is_new() {
        let was = baseline("1", &[("read", 40.0, 40.0)]);
        let none = Baseline {
            toolchain: toolchain("1"),
            instructions: BTreeMap::new(),
        };
        let compared = was.compare(&none);
        assert_eq!((compared.outcome.failed, compared.outcome.skipped), (0, 1));
        assert_eq!(
            failures(&none, &was),
            ["read, helpers inline: is not in the baseline: `make bench-baseline` stores it"]
        );
    }
}
