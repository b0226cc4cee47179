// SPDX-License-Identifier: GPL-2.0

//! The ledger of unsafe code: shown in short, and written as a table and as JSON.

use crate::places::Places;
use crate::progress::Progress;
use crate::report::Outcome;
use anyhow::Result;

/// Checks the checkout.
pub fn run(places: &Places, progress: &Progress) -> Result<Outcome> {
    let step = progress.step("ledger");
    let report = soundness::check(&places.repo)?;
    report.write(&places.build)?;
    progress.hidden(|| print!("{}", report.text()));
    let mut outcome = Outcome {
        passed: report.passed(),
        ..Outcome::default()
    };
    for problem in &report.problems {
        outcome.fail(problem.clone());
    }
    Ok(step.ended(outcome))
}
