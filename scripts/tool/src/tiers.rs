// SPDX-License-Identifier: GPL-2.0

//! scripts/suites.toml: every suite with its tier, its kernel, and why it exists.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// The target that runs a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// By `make test`, for every change.
    Test,
    /// By `make test-all` only.
    All,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    suite: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub name: String,
    pub tier: Tier,
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "compared with the code by a test")
    )]
    pub kernel: String,
    #[expect(dead_code, reason = "for readers of the file")]
    purpose: String,
    #[expect(dead_code, reason = "for readers of the file")]
    found: String,
}

/// All rows, in the order in which the suites run.
pub fn load(repo: &Path) -> Result<Vec<Row>> {
    let path = repo.join("scripts/suites.toml");
    let text =
        fs::read_to_string(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let table: Table =
        toml::from_str(&text).with_context(|| format!("{}: cannot be parsed", path.display()))?;
    Ok(table.suite)
}
