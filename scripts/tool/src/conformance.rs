// SPDX-License-Identifier: GPL-2.0

//! Compares the lock tables of the kernel's document with those of the code, the methods of its guards with the model of them,
//! and the kernel's functions that its comments cite with those that somebody has read.

use crate::judge::cited::arguments;
use crate::judge::model::transitions;
use crate::report::{Outcome, write_json};
use crate::session::Session;
use ::conformance::{Members, Subject};
use anyhow::Result;
use std::path::Path;

/// Checks that a build directory has the files from which the members of the struct are read.
pub fn is_built(out: &Path) -> bool {
    out.join("rust/bindings/bindings_generated.rs").is_file()
        && out.join("include/config/auto.conf").is_file()
}

/// Compares; without a build directory, the members of the struct are those of the C header.
pub fn run(session: &Session, tree: &Path, out: Option<&Path>) -> Result<Outcome> {
    let step = session.progress.step("conformance");
    let series = overlay::kernel_version(tree)?.series;
    let members = match out {
        Some(out) => Members::of_build(out)?,
        None => Members::of_header(tree)?,
    };
    let report = Subject::new(&session.places.repo, tree, members, &series)?.check()?;
    let file = session.places.build.join("conformance.json");
    write_json(&file, &report)?;
    session.progress.hidden(|| println!("{}", report.text()));
    let mut outcome = Outcome {
        passed: report.passed(),
        failed: report.failed(),
        failures: report.failures(),
        ..Outcome::default()
    };
    outcome.none(transitions::problems(&session.places.repo)?);
    outcome.add(arguments::run(session.places, tree, &series)?);
    Ok(step.ended(outcome))
}
