// SPDX-License-Identifier: GPL-2.0

//! The guest's programs that this repository has: built static, so that they need nothing else in the guest.

use crate::places::Places;
use crate::proc::{self, Event, Logged};
use crate::progress::Progress;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds one of the workspace's programs.
pub fn build(places: &Places, cargo: &Path, name: &str, progress: &Progress) -> Result<PathBuf> {
    let mut step = progress.step(&format!("program {name}"));
    let log = places.log(&format!("{name}-build"));
    let target = places.build.join("target");
    let mut cmd = proc::command(cargo);
    cmd.current_dir(places.repo.join("scripts"))
        .args(["build", "--release", "--locked", "--target", TARGET])
        .args(["--bin", name])
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_TERM_COLOR", "never");
    let ended = Logged {
        log: &log,
        append: false,
        timeout: None,
    }
    .run(cmd, |event| {
        if let Event::Line(line) = event {
            step.doing(line.trim());
        }
    })?;
    if !ended.status.success() {
        eprint!("{}", proc::tail(&log, 20));
        bail!("{name} does not build: see {}", places.show(&log));
    }
    step.done("static");
    Ok(target.join(TARGET).join("release").join(name))
}
