// SPDX-License-Identifier: GPL-2.0

//! Comparison of the primitives with a stored measurement. With another toolchain, the distance of Rust from C is compared.

use super::primitives::Measured;
use crate::report::Outcome;
use anyhow::{Context, Result};
use bench_records::Language;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

/// The file under version control.
pub const FILE: &str = "scripts/bench/baseline.toml";

/// How much more Rust may take than before: the greater of a number of instructions and a fraction.
const MORE: f64 = 0.5;
const MORE_FRACTION: f64 = 0.001;

/// The kernel that was measured and its compilers, according to its own build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Toolchain {
    kernel: String,
    rustc: String,
    /// Of rustc.
    llvm: String,
    clang: String,
}

/// Instructions by kernel and primitive.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    toolchain: Toolchain,
    instructions: BTreeMap<String, BTreeMap<String, Counts>>,
}

/// Gross costs, with two decimals.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    c: f64,
    rust: f64,
    upstream: Option<f64>,
}

/// The result of a comparison.
#[derive(Debug, Default)]
pub struct Compared {
    pub outcome: Outcome,
    /// Primitives that take less than before.
    pub better: Vec<String>,
    /// The toolchain of the baseline, if it is another.
    pub other: Option<Toolchain>,
}

impl Toolchain {
    /// Reads the build directory of a kernel.
    pub fn of(out: &Path) -> Result<Self> {
        let read = |name: &str| {
            let path = out.join(name);
            fs::read_to_string(&path).with_context(|| format!("{}: cannot be read", path.display()))
        };
        let release = read("include/config/kernel.release")?;
        Self::parse(&read(".config")?, &release)
            .with_context(|| format!("{}/.config: does not name the compilers", out.display()))
    }

    fn parse(dot_config: &str, release: &str) -> Option<Self> {
        let number = |name: &str| -> Option<u32> {
            let mut lines = dot_config.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
            value.parse().ok()
        };
        // Two digits for each number but the first, or three for the middle one.
        let version = |number: u32, middle: u32| {
            let (major, rest) = (number / (100 * middle), number % (100 * middle));
            format!("{major}.{}.{}", rest / 100, rest % 100)
        };
        Some(Self {
            kernel: release.trim().to_string(),
            rustc: version(number("CONFIG_RUSTC_VERSION")?, 1000),
            llvm: version(number("CONFIG_RUSTC_LLVM_VERSION")?, 100),
            clang: version(number("CONFIG_CLANG_VERSION")?, 100),
        })
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kernel,
            rustc,
            llvm,
            clang,
        } = self;
        write!(
            f,
            "kernel {kernel}, rustc {rustc} (LLVM {llvm}), clang {clang}"
        )
    }
}

impl Baseline {
    pub fn of(kernels: &[Measured], toolchain: &Toolchain) -> Self {
        let rounded = |value: f64| (100.0 * value).round() / 100.0;
        let of_kernel = |kernel: &Measured| {
            let primitives = kernel.figures().all.iter().filter_map(|primitive| {
                let gross = |language| primitive.gross(language).map(rounded);
                let counts = Counts {
                    c: gross(Language::C)?,
                    rust: gross(Language::Rust)?,
                    upstream: gross(Language::Upstream),
                };
                Some((primitive.name.clone(), counts))
            });
            (kernel.helpers.name().to_string(), primitives.collect())
        };
        Self {
            toolchain: toolchain.clone(),
            instructions: kernels.iter().map(of_kernel).collect(),
        }
    }

    pub fn load(file: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(file).context("no baseline: `make bench-baseline` stores one")?;
        toml::from_str(&text).context("not a baseline")
    }

    pub fn write(&self, file: &Path) -> Result<()> {
        fs::write(file, self.to_string())
            .with_context(|| format!("{}: cannot be written", file.display()))
    }

    /// Returns the number of primitives, in all kernels.
    pub fn len(&self) -> usize {
        self.instructions.values().map(BTreeMap::len).sum()
    }

    /// Compares with a new measurement.
    pub fn compare(&self, now: &Self) -> Compared {
        let same = self.toolchain == now.toolchain;
        let mut compared = Compared {
            other: (!same).then(|| self.toolchain.clone()),
            ..Compared::default()
        };
        for (kernel, were) in &self.instructions {
            match now.instructions.get(kernel) {
                Some(are) => compared.kernel(kernel, were, are),
                // Helpers are inlined only by compilers with the same LLVM.
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

/// The text of the file, with a line for each primitive.
impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Toolchain {
            kernel,
            rustc,
            llvm,
            clang,
        } = &self.toolchain;
        write!(
            f,
            "# SPDX-License-Identifier: GPL-2.0\n\
             #\n\
             # Guest instructions of each primitive, with its call and the loop around it, for one toolchain. Written by\n\
             # `make bench-baseline`, read by `make bench-compare`, which with another toolchain compares the distance of\n\
             # Rust from C.\n\
             \n\
             [toolchain]\n\
             kernel = \"{kernel}\"\n\
             rustc = \"{rustc}\"\n\
             llvm = \"{llvm}\"\n\
             clang = \"{clang}\"\n"
        )?;
        for (kernel, primitives) in &self.instructions {
            writeln!(f, "\n[instructions.{kernel}]")?;
            for (name, Counts { c, rust, upstream }) in primitives {
                write!(f, "{name} = {{ c = {c:.2}, rust = {rust:.2}")?;
                if let Some(upstream) = upstream {
                    write!(f, ", upstream = {upstream:.2}")?;
                }
                writeln!(f, " }}")?;
            }
        }
        Ok(())
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
                    "{name}, helpers {kernel}: is in the baseline and was not measured: `make bench-baseline` removes it"
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
        let few = MORE.max(MORE_FRACTION * was.rust);
        let said = format!("{name}: was {before:.2} {what}, is {after:.2}");
        if more < -few {
            self.better.push(said.clone());
        }
        self.outcome.check(more <= few, || said);
    }
}

#[cfg(test)]
mod tests {
    use super::super::primitives::{Helpers, Primitives};
    use super::super::samples::boot;
    use super::*;

    fn toolchain(rustc: &str) -> Toolchain {
        Toolchain {
            kernel: "7.3.4".to_string(),
            rustc: rustc.to_string(),
            llvm: "22.1.8".to_string(),
            clang: "22.1.8".to_string(),
        }
    }

    /// A baseline of primitives by their costs in C and in Rust.
    fn baseline(rustc: &str, primitives: &[(&str, f64, f64)]) -> Baseline {
        let counts = |&(name, c, rust): &(&str, f64, f64)| {
            let upstream = None;
            (name.to_string(), Counts { c, rust, upstream })
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
    fn toolchain_comes_from_the_config() {
        let dot_config = "CONFIG_RUSTC_VERSION_TEXT=\"rustc 1.96.0\"\nCONFIG_CLANG_VERSION=220108\n\
                          CONFIG_RUSTC_VERSION=109600\nCONFIG_RUSTC_LLVM_VERSION=190107\n";
        assert_eq!(
            Toolchain::parse(dot_config, "7.3.4\n").unwrap().to_string(),
            "kernel 7.3.4, rustc 1.96.0 (LLVM 19.1.7), clang 22.1.8"
        );
        assert!(Toolchain::parse("CONFIG_CLANG_VERSION=220108\n", "7.3.4\n").is_none());
        let error = Toolchain::of(Path::new("/nothing"))
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("kernel.release: cannot be read"), "{error}");
    }

    #[test]
    fn a_baseline_survives_its_file() {
        let records = boot(&[("mmap-read", &[33.3333, 40.0, 44.126]), ("half", &[1.0])]);
        let measured = Measured {
            config: "k",
            helpers: Helpers::Calls,
            boots: [Primitives::of(&records), Primitives::default()],
        };
        let stored = Baseline::of(&[measured], &toolchain("1.96.0"));
        assert!(stored.to_string().ends_with(
            "\n[instructions.calls]\n\
             mmap-read = { c = 33.33, rust = 40.00, upstream = 44.13 }\n\
             nothing = { c = 9.00, rust = 9.00, upstream = 9.00 }\n"
        ));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("baseline.toml");
        let error = || Baseline::load(&file).unwrap_err().to_string();
        assert_eq!(error(), "no baseline: `make bench-baseline` stores one");
        fs::write(&file, "[toolchain]\n").unwrap();
        assert_eq!(error(), "not a baseline");
        stored.write(&file).unwrap();
        assert_eq!(Baseline::load(&file).unwrap(), stored);
        assert_eq!((stored.len(), failures(&stored, &stored).len()), (2, 0));
    }

    #[test]
    fn committed_file_is_up_to_date() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(FILE);
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(Baseline::load(&file).unwrap().to_string(), text);
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
        let compared = was.compare(&is(39.0, 8999.0));
        assert_eq!(compared.outcome.failed, 0);
        assert_eq!(
            compared.better,
            ["read, helpers inline: was 40.00 instructions, is 39.00"]
        );
    }

    #[test]
    fn missing_and_new_primitives_are_failures() {
        let was = baseline("1", &[("read", 40.0, 40.0)]);
        let is = baseline("1", &[("write", 40.0, 40.0)]);
        let new = "write, helpers inline: is not in the baseline: `make bench-baseline` stores it";
        let failures = |was, is| self::failures(was, is).join("\n");
        assert_eq!(
            failures(&was, &is),
            "read, helpers inline: is in the baseline and was not measured: `make bench-baseline` removes it\n"
                .to_string()
                + new
        );
        let none = Baseline {
            toolchain: toolchain("1"),
            instructions: BTreeMap::new(),
        };
        assert_eq!(failures(&none, &is), new);
        // A kernel that cannot be built.
        let compared = was.compare(&none);
        assert_eq!((compared.outcome.failed, compared.outcome.skipped), (0, 1));
    }

    #[test]
    fn other_toolchain_compares_distance_from_c() {
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
}
