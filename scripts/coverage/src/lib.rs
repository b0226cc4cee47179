// SPDX-License-Identifier: GPL-2.0

//! Counts the C calls by which drivers use VMAs and user memory, and how many of them have a safe call in Rust.
//!
//! `scan` finds the call sites in the kernel tree, the data file `scripts/coverage/calls.toml` says which safe call replaces
//! each or why none does, and `api` checks that the safe calls exist. The denominator is all call sites, also those of
//! subsystem cores.

mod api;
mod calls;
mod report;
mod rules;
mod scan;
mod strip;
#[cfg(test)]
mod tests;

pub use report::Report;

use anyhow::{Context, Result, ensure};
use api::Api;
use rules::Rules;
use scan::Site;
use std::path::Path;

/// The part of the kernel tree that is counted.
const DIRECTORIES: [&str; 2] = ["drivers", "sound"];

/// The input of the checks.
struct Subject {
    /// The kernel's version, such as `7.3.4`.
    version: String,
    /// The kernel series, such as `7.3`.
    series: String,
    sites: Vec<Site>,
    rules: Rules,
    api: Api,
}

/// Counts in a kernel tree of a version and its series. An error is for what cannot be read at all.
pub fn check(repo: &Path, tree: &Path, version: &str, series: &str) -> Result<Report> {
    let sites = scan::tree(tree, &DIRECTORIES)?;
    ensure!(
        !sites.is_empty(),
        "{}: no call in drivers/ or sound/: is this a kernel tree?",
        tree.display()
    );
    let rules = Rules::read(repo)?;
    let api = Api::read(repo, tree, rules.names()).context("the Rust API")?;
    let subject = Subject {
        version: version.to_string(),
        series: series.to_string(),
        sites,
        rules,
        api,
    };
    Ok(subject.check())
}

impl Subject {
    fn check(self) -> Report {
        let mut problems = self.rules.problems();
        for name in self.rules.names() {
            problems.extend(self.api.problem(name));
        }
        let rows = self.rules.classify(self.sites, &self.series, &mut problems);
        let checked = rows.len() + self.rules.len() + self.rules.names().count();
        Report::new(self.version, rows, checked, problems)
    }
}
