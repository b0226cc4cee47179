// SPDX-License-Identifier: GPL-2.0

//! The C calls of drivers that have a safe call in Rust: shown as tables, and written as JSON.

use crate::places::Places;
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::Result;
use std::path::Path;

/// Counts in a kernel tree.
pub fn run(places: &Places, tree: &Path, progress: &Progress) -> Result<Outcome> {
    let step = progress.step("coverage");
    let version = overlay::kernel_version(tree)?;
    let report = ::coverage::check(&places.repo, tree, &version.full, &version.series)?;
    report.write(&places.build)?;
    progress.hidden(|| println!("{}", report.text()));
    let mut outcome = Outcome {
        passed: report.passed(),
        ..Outcome::default()
    };
    for problem in &report.problems {
        outcome.fail(problem.clone());
    }
    Ok(step.ended(outcome))
}
