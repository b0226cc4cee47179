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
    /// The reason that no safe code can break it.
    by: Option<String>,
    #[serde(default)]
    tests: Vec<String>,
    /// Why no test would notice.
    reason: Option<String>,
}

impl Preconditions {
    pub fn read(repo: &Path) -> Result<Self> {
        let file = repo.join("scripts/soundness/preconditions.toml");
        let text = fs::read_to_string(&file)
            .with_context(|| format!("{}: cannot be read", file.display()))?;
        toml::from_str(&text).with_context(|| format!("{}", file.display()))
    }

    /// How many have no test.
    pub fn untested(&self) -> usize {
        self.all.iter().filter(|one| one.tests.is_empty()).count()
    }

    /// Says which tests do not exist, and what has neither tests nor a reason.
    pub fn hold_against(&self, tests: &Tests, problems: &mut Vec<String>) {
        for Precondition {
            c,
            is,
            by,
            tests: named,
            reason,
        } in &self.all
        {
            let row = format!("preconditions: {c}: {is}");
            tests.hold_against(&row, named, reason.as_deref(), problems);
            if by.as_deref() == Some("") {
                problems.push(format!("{row}: an empty text"));
            }
            if !named.is_empty() && reason.is_some() {
                problems.push(format!("{row}: tests and a reason, of which one is wrong"));
            }
        }
    }
}
