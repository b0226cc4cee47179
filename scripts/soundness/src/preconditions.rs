// SPDX-License-Identifier: GPL-2.0

//! Preconditions of C functions, and the tests that would notice if the abstraction did not see to it.

use crate::named::Tests;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// The file that has them.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preconditions {
    #[serde(rename = "preconditions")]
    pub all: Vec<Precondition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Precondition {
    /// The C functions.
    c: String,
    is: String,
    tests: Vec<String>,
}

impl Preconditions {
    pub fn read(repo: &Path) -> Result<Self> {
        let file = repo.join("scripts/soundness/preconditions.toml");
        let text = fs::read_to_string(&file)
            .with_context(|| format!("{}: cannot be read", file.display()))?;
        toml::from_str(&text).with_context(|| format!("{}", file.display()))
    }

    /// Says which tests do not exist, and what has none.
    pub fn hold_against(&self, tests: &Tests, problems: &mut Vec<String>) {
        for one in &self.all {
            let row = format!("preconditions: {}: {}", one.c, one.is);
            if one.tests.is_empty() {
                problems.push(format!("{row}: no test"));
            }
            tests.look_for(&row, &one.tests, problems);
        }
    }
}
