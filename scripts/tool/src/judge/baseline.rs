// SPDX-License-Identifier: GPL-2.0

//! The comparison with a stored measurement.

use super::bounds::BOUNDS;
use super::primitives::{Costs, Figures};
use crate::report::Outcome;
use anyhow::{Context, Result};
use fs_err as fs;
use itertools::Itertools;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const HEAD: &str = "\
# SPDX-License-Identifier: GPL-2.0
#
# Guest instructions of each primitive, with its call and the loop around it, for one toolchain. Written by
# `make bench-baseline`, read by `make bench-compare`, which with another toolchain compares the distance of
# Rust from C.

[toolchain]
";

/// The kernel that was measured and its compilers, according to its own build.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Toolchain {
    pub kernel: String,
    pub rustc: String,
    pub llvm: String,
    /// Or of gcc, with its name.
    pub clang: String,
}

impl Toolchain {
    pub fn read(out: &Path) -> Result<Self> {
        let dot_config = fs::read_to_string(out.join(".config"))?;
        let release = fs::read_to_string(out.join("include/config/kernel.release"))?;
        Self::of(&dot_config, &release)
    }

    fn of(dot_config: &str, release: &str) -> Result<Self> {
        // Two digits for each number but the first, or three for the middle one.
        let version = |name: &str, middle: u32| {
            let start = format!("CONFIG_{name}_VERSION=");
            let mut lines = dot_config.lines();
            let value = lines.find_map(|line| line.strip_prefix(&start)?.parse().ok());
            let value: u32 = value.with_context(|| format!("{start}: not in .config"))?;
            let (major, rest) = (value / (100 * middle), value % (100 * middle));
            anyhow::Ok(format!("{major}.{}.{}", rest / 100, rest % 100))
        };
        Ok(Self {
            kernel: release.trim().to_string(),
            rustc: version("RUSTC", 1000)?,
            llvm: version("RUSTC_LLVM", 100)?,
            clang: match version("CLANG", 100)?.as_str() {
                "0.0.0" => format!("gcc {}", version("GCC", 100)?),
                clang => clang.to_string(),
            },
        })
    }

    fn parts(&self) -> [(&str, &str); 4] {
        [
            ("kernel", &self.kernel),
            ("rustc", &self.rustc),
            ("llvm", &self.llvm),
            ("clang", &self.clang),
        ]
    }
}

type Primitives = BTreeMap<String, Costs>;

/// Instructions by kernel and primitive, with two decimals.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    toolchain: Toolchain,
    instructions: BTreeMap<String, Primitives>,
}

impl Baseline {
    pub fn load(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file);
        let text = text.context("no baseline: `make bench-baseline` stores one")?;
        toml::from_str(&text).context("not a baseline")
    }

    pub fn of(figures: &Figures) -> Self {
        let mut instructions = BTreeMap::<_, Primitives>::new();
        for kernel in &figures.kernels {
            for one in &kernel.boots[0].all {
                if let Some(Costs { c, rust, upstream }) = one.gross_costs() {
                    let costs = Costs {
                        c: rounded(c, 2),
                        rust: rounded(rust, 2),
                        upstream: upstream.map(|cost| rounded(cost, 2)),
                    };
                    let all = instructions.entry(kernel.helpers.to_string()).or_default();
                    all.insert(one.name.clone(), costs);
                }
            }
        }
        let toolchain = figures.toolchain.clone();
        Self {
            toolchain,
            instructions,
        }
    }

    /// Writes the file, and says so.
    pub fn store(&self, file: &Path) -> Result<String> {
        fs::write(file, self.text())?;
        let count: usize = self.instructions.values().map(BTreeMap::len).sum();
        let (kernel, file) = (&self.toolchain.kernel, file.display());
        Ok(format!(
            "  {count} counts of kernel {kernel} stored in {file}\n"
        ))
    }

    /// The text of the file, with a line for each primitive.
    fn text(&self) -> String {
        let mut text = HEAD.to_string();
        for (name, version) in self.toolchain.parts() {
            text += &format!("{name} = \"{version}\"\n");
        }
        for (kernel, primitives) in &self.instructions {
            text += &format!("\n[instructions.{kernel}]\n");
            for (name, costs) in primitives {
                let upstream = costs.upstream.map(|cost| format!(", upstream = {cost:.2}"));
                let (c, rust, upstream) = (costs.c, costs.rust, upstream.unwrap_or_default());
                text += &format!("{name} = {{ c = {c:.2}, rust = {rust:.2}{upstream} }}\n");
            }
        }
        text
    }

    /// Compares what was measured with what was stored; returns notes, too. With another toolchain, the distance of Rust
    /// from C is compared.
    fn judge(&self, now: &Self) -> (Outcome, Vec<String>) {
        let (mut outcome, mut notes) = (Outcome::default(), Vec::new());
        let is_other = self.toolchain != now.toolchain;
        if is_other {
            let parts = self.toolchain.parts().into_iter();
            let versions = parts
                .map(|(name, version)| format!("{name} {version}"))
                .join(", ");
            notes.push(format!(
                "of another toolchain ({versions}): the distance of Rust from C is compared"
            ));
        }
        let what = if is_other {
            "instructions more than C"
        } else {
            "instructions"
        };
        let cost = |costs: &Costs| costs.rust - if is_other { costs.c } else { 0.0 };
        let none = Primitives::new();
        for kernel in both(&self.instructions, &now.instructions) {
            let were = self.instructions.get(kernel).unwrap_or(&none);
            let Some(are) = now.instructions.get(kernel) else {
                // Helpers are inlined only by compilers with the same LLVM.
                outcome.skipped += were.len();
                continue;
            };
            for name in both(were, are) {
                let title = format!("{name}, helpers {kernel}");
                match (were.get(name), are.get(name)) {
                    (Some(was), Some(is)) => {
                        let (old, new) = (cost(was), cost(is));
                        let few = BOUNDS.baseline.more_fraction * was.rust;
                        let (few, more) = (few.max(BOUNDS.baseline.more), rounded(new - old, 6));
                        let said = format!("{title}: was {old:.2} {what}, is {new:.2}");
                        if more < -few {
                            notes.push(format!("better: {said}; `make bench-baseline` stores it"));
                        }
                        outcome.check(more <= few, || said);
                    }
                    (_, None) => outcome.fail(format!(
                        "{title}: is in the baseline and was not measured: `make bench-baseline` removes it"
                    )),
                    (None, _) => outcome.fail(format!(
                        "{title}: is not in the baseline: `make bench-baseline` stores it"
                    )),
                }
            }
        }
        (outcome, notes)
    }

    /// The same, with what is to be shown.
    pub fn compare(&self, now: &Self, file: &Path) -> (Outcome, String) {
        let (mut outcome, notes) = self.judge(now);
        let file = file.display();
        for failure in &mut outcome.failures {
            *failure = format!("{file}: {failure}");
        }
        let (counts, skipped) = (outcome.last_line(), outcome.skipped);
        let counts = format!("compared with {file}: {counts}, {skipped} skipped");
        let lines = notes.iter().chain([&counts]);
        (outcome, lines.map(|line| format!("  {line}\n")).collect())
    }
}

fn both<'a, T>(one: &'a BTreeMap<String, T>, other: &'a BTreeMap<String, T>) -> BTreeSet<&'a str> {
    one.keys().chain(other.keys()).map(String::as_str).collect()
}

fn rounded(value: f64, decimals: usize) -> f64 {
    format!("{value:.decimals$}").parse().unwrap_or(value)
}

#[cfg(test)]
#[rustfmt::skip] // A case of a table is a line.
mod tests {
    use super::super::primitives::tests::kernel;
    use super::*;

    /// Of primitives, with their costs in C and in Rust.
    fn stored(rustc: &str, costs: &[(&str, f64, f64)]) -> Baseline {
        let primitive = |(name, c, rust): &(&str, f64, f64)| {
            let (c, rust, upstream) = (*c, *rust, None);
            (name.to_string(), Costs { c, rust, upstream })
        };
        let all: Primitives = costs.iter().map(primitive).collect();
        let toolchain = Toolchain { rustc: rustc.to_string(), ..Toolchain::default() };
        let kernels = (!all.is_empty()).then(|| ("inline".to_string(), all));
        Baseline { toolchain, instructions: kernels.into_iter().collect() }
    }

    #[test]
    fn toolchain_comes_from_the_config() {
        let dot_config = "CONFIG_RUSTC_VERSION_TEXT=\"rustc 1.96.0\"\nCONFIG_CLANG_VERSION=220108\n\
                          CONFIG_RUSTC_VERSION=109600\nCONFIG_RUSTC_LLVM_VERSION=190107\n";
        let toolchain = Toolchain::of(dot_config, "7.3.4\n").unwrap();
        let versions = toolchain.parts().map(|(_, version)| version);
        assert_eq!(versions, ["7.3.4", "1.96.0", "19.1.7", "22.1.8"]);
        let by_gcc = dot_config.replace("CLANG_VERSION=220108", "CLANG_VERSION=0\nCONFIG_GCC_VERSION=120200");
        let toolchain = Toolchain::of(&by_gcc, "7.3.4\n").unwrap();
        assert_eq!(toolchain.clang, "gcc 12.2.0");
        assert!(Toolchain::of("CONFIG_CLANG_VERSION=220108\n", "7.3.4\n").is_err());
    }

    #[test]
    fn a_baseline_survives_its_file() {
        let costs = [33.3333, 40.0, 44.126];
        let measured = Baseline::of(&Figures {
            toolchain: Toolchain::default(),
            kernels: vec![kernel("calls", &costs, &costs)],
            rows: Vec::new(),
        });
        let text = measured.text();
        assert!(text.ends_with(
            "\n[instructions.calls]\nnothing = { c = 9.00, rust = 9.00, upstream = 9.00 }\n\
             read = { c = 33.33, rust = 40.00, upstream = 44.13 }\n"
        ));
        assert_eq!(toml::from_str::<Baseline>(&text).unwrap(), measured);
        let committed = include_str!("../../../bench/baseline.toml");
        assert_eq!(toml::from_str::<Baseline>(committed).unwrap().text(), committed);
    }

    #[test]
    fn worse_missing_and_new_primitives_fail() {
        let was = [("read", 40.0, 40.0), ("walk", 9000.0, 9000.0)];
        let now = |read, walk| [("read", 40.0, read), ("walk", 9000.0, walk)];
        let read = "read, helpers inline: was 40.00 instructions, is";
        let gone = "read, helpers inline: is in the baseline and was not measured: `make bench-baseline` removes it";
        let new = "write, helpers inline: is not in the baseline: `make bench-baseline` stores it";
        let better = format!("better: {read} 39.00; `make bench-baseline` stores it");
        let other = "of another toolchain (kernel , rustc 1, llvm , clang ): the distance of Rust from C is compared";
        let worse = "read, helpers inline: was 2.00 instructions more than C, is 3.00";
        let more = [&*format!("{read} 40.51"), "walk, helpers inline: was 9000.00 instructions, is 9009.10"];
        type Case<'a> = (&'a [(&'a str, f64, f64)], Baseline, [usize; 2], &'a [&'a str], &'a [&'a str]);
        let cases: [Case; 8] = [
            (&was, stored("1", &now(40.5, 9009.0)), [2, 0], &[], &[]),
            (&was, stored("1", &now(40.51, 9009.1)), [0, 0], &more, &[]),
            (&was, stored("1", &now(39.0, 8999.0)), [2, 0], &[], &[&better]),
            (&was[..1], stored("1", &[("write", 40.0, 40.0)]), [0, 0], &[gone, new], &[]),
            (&[], stored("1", &[("write", 40.0, 40.0)]), [0, 0], &[new], &[]),
            // A kernel that cannot be built.
            (&was[..1], stored("1", &[]), [0, 1], &[], &[]),
            // With another toolchain the distance from C is compared.
            (&[("read", 40.0, 42.0)], stored("2", &[("read", 50.0, 52.0)]), [1, 0], &[], &[other]),
            (&[("read", 40.0, 42.0)], stored("2", &[("read", 38.0, 41.0)]), [0, 0], &[worse], &[other]),
        ];
        for (was, now, counts, failures, notes) in cases {
            let (outcome, noted) = stored("1", was).judge(&now);
            assert_eq!([outcome.passed, outcome.skipped], counts);
            assert_eq!((outcome.failures, noted), (texts(failures), texts(notes)));
        }
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| text.to_string()).collect()
    }
}
