// SPDX-License-Identifier: GPL-2.0

//! `make try-next`: the newest kernel of the archive, if it is newer than those that are supported, or that of SERIES=, with
//! the overlay as it is now. A trial: nothing is changed for it, and its result is the list of what has to be.

use crate::diagnostics;
use crate::judge::cited::arguments;
use crate::kconfig::X86_64;
use crate::kunit;
use crate::report::{Outcome, write_json};
use crate::session::Session;
use crate::suite::Run;
use anyhow::{Context, Result};
use overlay::{Overlay, Status};
use serde::Serialize;
use std::fs;
use std::path::Path;

/// The report, below the series' directory in build/.
const REPORT: &str = "next.json";

#[derive(Serialize)]
struct Trial {
    linux: String,
    /// Each step with what broke in it. The steps after one that broke badly are missing.
    steps: Vec<(&'static str, Outcome)>,
}

pub fn run(session: &Session) -> Result<Outcome> {
    let mut overlay = session.overlay()?;
    let newest = overlay.supported_versions.first().cloned();
    let newest = newest.context("no supported version")?;
    let mut places = session.places.clone();
    let mut packages = session.packages(&overlay);
    if session.arguments.series.is_none() {
        let found = packages.setup(session.places, &["next"], session.progress)?;
        let Some(pristine) = found.get("pristine") else {
            println!("the archive has no kernel that is newer than {newest}");
            return Ok(Outcome::success());
        };
        let series = overlay::kernel_version(Path::new(pristine))?.series;
        places.choose(&series)?;
        packages.series = vec![series.clone()];
        overlay.supported_versions = vec![series];
    }
    fs::create_dir_all(places.build.join("logs")).context("build/ cannot be written to")?;
    packages.setup(&places, &["source"], session.progress)?;
    let session = Session {
        places: &places,
        ..*session
    };
    let version = overlay::kernel_version(&places.tree())?;
    if !overlay.supported_versions.contains(&version.series) {
        overlay.supported_versions = vec![version.series];
    }
    let mut trial = Trial {
        linux: version.full,
        steps: Vec::new(),
    };
    tried(&session, overlay, &newest, &mut trial)?;
    write_json(&places.build.join(REPORT), &trial)?;
    let mut outcome = Outcome::default();
    for (step, result) in trial.steps {
        println!("Linux {}: {step}: {}", trial.linux, result.counts());
        outcome.add(result);
    }
    Ok(outcome)
}

fn tried(session: &Session, overlay: Overlay, newest: &str, trial: &mut Trial) -> Result<()> {
    let places = session.places;
    let tree = places.tree();
    let drift = arguments::run(places, &tree, newest)?;
    trial.steps.push(("functions that comments cite", drift));
    let mut places_of_lines = Outcome::default();
    let conflicts = match overlay.status(&tree)? {
        Status::Conflict(conflicts) => conflicts,
        _ => Vec::new(),
    };
    let is_over = !conflicts.is_empty();
    places_of_lines.none(conflicts);
    trial.steps.push(("insertions", places_of_lines));
    if is_over {
        return Ok(());
    }
    let ready = session.ready_with(overlay)?;
    let kernel = session.kernel(&ready);
    let mut build = Outcome::default();
    let built = kernel.build(X86_64, session.progress);
    if let Err(error) = &built {
        let log = places.log(&format!("build-{}", X86_64.name));
        let text = fs::read_to_string(log).unwrap_or_default();
        let errors = diagnostics::heads(&kernel.in_checkout(&text));
        match errors.is_empty() {
            true => build.fail(format!("{error:#}")),
            false => build.none(errors),
        }
    } else {
        build = Outcome::success();
    }
    trial.steps.push(("build", build));
    if built.is_ok() {
        let run = Run::new(session, &ready, &kernel);
        trial.steps.push(("kunit", kunit::run(&run, X86_64)?));
    }
    Ok(())
}
