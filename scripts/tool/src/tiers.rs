// SPDX-License-Identifier: GPL-2.0

//! The table of TESTING.md: every suite with its tier, its kernel, and why it exists.

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
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "compared with the code by a test")
    )]
    pub kernel: String,
}

/// All rows, in the order in which the suites run.
pub fn load(repo: &Path) -> Result<Vec<Row>> {
    let path = repo.join("TESTING.md");
    let text =
        fs::read_to_string(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
    rows(&text).with_context(|| path.display().to_string())
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
    Ok(Row {
        name: name.to_string(),
        tier,
        kernel: kernel.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "Text.\n\n| suite | tier | kernel | purpose | found |\n|---|---|---|---|---|\n";

    #[test]
    fn rows_have_five_cells_and_a_tier() {
        let read = |row: &str| rows(&format!("{HEAD}{row}\n"));
        let one = read("| a b | test | um | why | this |").unwrap();
        assert_eq!(
            (one.len(), &*one[0].name, one[0].tier),
            (1, "a b", Tier::Test)
        );
        assert_eq!(one[0].kernel, "um");
        for (row, complaint) in [
            ("| a | test | um | why |", "not a row"),
            ("| a | often | um | why | this |", "is no tier"),
            ("| a | all | um | | this |", "say its purpose"),
        ] {
            let error = read(row).unwrap_err().to_string();
            assert!(error.contains(complaint), "{error}");
        }
    }
}
