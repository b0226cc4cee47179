// SPDX-License-Identifier: GPL-2.0

//! `make try-next`: the newest kernel of the archive, if it is newer than those that are supported, with the overlay as it is
//! now. A trial, in build/next: nothing is changed for it, and its result is the list of what has to be.

use crate::diagnostics;
use crate::judge::cited::arguments;
use crate::kconfig::X86_64;
use crate::kunit;
use crate::places::Places;
use crate::proc;
use crate::report::{Outcome, write_json};
use crate::session::Session;
use crate::suite::Run;
use anyhow::{Context, Result, bail};
use overlay::{Overlay, Status};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// The report, below build/.
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
    let Some(pristine) = source(session, &overlay)? else {
        println!("the archive has no kernel that is newer than {newest}");
        return Ok(Outcome::success());
    };
    let places = Places {
        build: session.places.build.join("next"),
        kdir: Some(copied(session, &pristine)?),
        ..session.places.clone()
    };
    let session = Session {
        places: &places,
        ..*session
    };
    let version = overlay::kernel_version(&places.tree())?;
    overlay.supported_versions = vec![version.series];
    let mut trial = Trial {
        linux: version.full,
        steps: Vec::new(),
    };
    tried(&session, overlay, &newest, &mut trial)?;
    write_json(&places.repo.join("build").join(REPORT), &trial)?;
    let mut outcome = Outcome::default();
    for (step, result) in trial.steps {
        println!("Linux {}: {step}: {}", trial.linux, result.counts());
        outcome.add(result);
    }
    Ok(outcome)
}

/// The source of the series that was asked for, or else of the newest one, if it is not supported.
fn source(session: &Session, overlay: &Overlay) -> Result<Option<PathBuf>> {
    let mut packages = session.packages(overlay);
    let step = match &session.arguments.series {
        Some(series) => {
            packages.series = vec![series.clone()];
            "pristine"
        }
        None => "next",
    };
    let found = packages.setup(session.places, &[step], session.progress)?;
    Ok(found.get("pristine").map(PathBuf::from))
}

/// A copy to work on, made anew.
fn copied(session: &Session, pristine: &Path) -> Result<PathBuf> {
    let dir = session.places.build.join("next");
    let tree = dir.join("linux");
    fs::create_dir_all(dir.join("logs")).context("build/next cannot be made")?;
    if tree.exists() {
        fs::remove_dir_all(&tree).context("build/next/linux cannot be removed")?;
    }
    let mut cmd = proc::command("cp");
    cmd.args(["-a", "--reflink=auto"]).arg(pristine).arg(&tree);
    if !proc::output(cmd)?.status.success() {
        bail!("the source could not be copied to build/next/linux: is the disk full?");
    }
    Ok(tree)
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
