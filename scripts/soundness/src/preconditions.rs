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
            let mut problem =
                |what: String| problems.push(format!("preconditions: {c}: {is}: {what}"));
            if [by, reason].iter().any(|text| text.as_deref() == Some("")) {
                problem("an empty text".to_string());
            }
            if named.is_empty() == reason.is_none() {
                problem("tests or a reason, one of them".to_string());
            }
            for test in named.iter().filter(|test| !tests.contains(test)) {
                problem(format!("there is no test {test:?}"));
            }
        }
    }
}
