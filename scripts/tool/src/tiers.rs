// SPDX-License-Identifier: GPL-2.0

//! The table of TESTING.md: every suite with its tier, its kernel, and why it exists.

use crate::kconfig::Config;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// The target that runs a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// By `make test`, for every change.
    Test,
    /// By `make test-all` only.
    All,
}

#[derive(Debug)]
pub struct Row {
    pub name: String,
    pub tier: Tier,
    pub kernel: Option<Config>,
}

impl Row {
    /// The name of its suite, which several kernels may share.
    pub fn suite(&self) -> &str {
        suite(&self.name, self.kernel)
    }
}

/// A name without the kernel that may be at its end.
pub fn suite(name: &str, kernel: Option<Config>) -> &str {
    let kernel = kernel.map_or("", |config| config.name);
    name.strip_suffix(kernel).unwrap_or(name).trim_end()
}

/// All rows, in the order in which the suites run.
pub fn load(repo: &Path) -> Result<Vec<Row>> {
    let text = fs::read_to_string(repo.join("TESTING.md"));
    rows(&text.context("TESTING.md cannot be read")?).context("TESTING.md")
}

fn rows(text: &str) -> Result<Vec<Row>> {
    let lines = text.lines().filter(|line| line.starts_with("| "));
    // The first one has the headings.
    lines.skip(1).map(row).collect()
}

fn row(line: &str) -> Result<Row> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let ["", name, tier, kernel, purpose, found, ""] = cells[..] else {
        bail!("{line}: not a row of five cells");
    };
    let tier = match tier {
        "test" => Tier::Test,
        "all" => Tier::All,
        _ => bail!("{name}: {tier:?} is no tier: write test or all"),
    };
    if purpose.is_empty() || found.is_empty() {
        bail!("{name}: say its purpose, and what it found");
    }
    let kernel = match kernel {
        "none" => None,
        kernel => Some(Config::by_name(kernel).with_context(|| name.to_string())?),
    };
    let name = name.to_string();
    Ok(Row { name, tier, kernel })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kconfig::UM;

    #[test]
    fn rows_have_five_cells_and_a_tier() {
        let read = |row: &str| rows(&format!("Text.\n\n| suite | tier |\n|---|---|\n{row}\n"));
        let one = read("| a b | test | um | why | this |").unwrap();
        let [Row { name, tier, kernel }] = &one[..] else {
            panic!("{one:?}")
        };
        assert_eq!((&**name, *tier, *kernel), ("a b", Tier::Test, Some(UM)));
        for (row, complaint) in [
            ("| a | test | um | why |", "not a row"),
            ("| a | often | um | why | this |", "is no tier"),
            ("| a | all | um | | this |", "say its purpose"),
            ("| a | all | mips | why | this |", "no such configuration"),
        ] {
            let error = format!("{:#}", read(row).unwrap_err());
            assert!(error.contains(complaint), "{error}");
        }
    }
}
