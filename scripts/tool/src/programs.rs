// SPDX-License-Identifier: GPL-2.0

//! The guest's programs that this repository has: built static, so that they need nothing else in the guest; and what
//! the emulator loads.

use crate::machine::Cross;
use crate::places::Places;
use crate::proc;
use crate::progress::Progress;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds one of the workspace's programs.
pub fn build(places: &Places, cargo: &Path, name: &str, progress: &Progress) -> Result<PathBuf> {
    let mut cmd = cargo_build(places, cargo);
    cmd.args(["--target", TARGET, "--bin", name])
        .env("RUSTFLAGS", "-C target-feature=+crt-static");
    run(cmd, places, name, "static", progress)?;
    let target = places.build.join("target");
    Ok(target.join(TARGET).join("release").join(name))
}

/// The same for another machine. The compiler may have no library for it, so that is built from its source, which the kernel
/// needs anyway.
pub fn build_for(
    places: &Places,
    cargo: &Path,
    (target, cross, rustc): (&str, &Cross, &Path),
    name: &str,
    progress: &Progress,
) -> Result<PathBuf> {
    let variable = target.to_uppercase().replace('-', "_");
    let mut cmd = cargo_build(places, cargo);
    cmd.args(["--target", target, "--bin", name])
        .arg("-Zbuild-std=std,panic_unwind")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", rustc)
        .env(format!("CARGO_TARGET_{variable}_LINKER"), cross.linker)
        .env("RUSTFLAGS", "-C target-feature=+crt-static");
    run(cmd, places, name, target, progress)?;
    let built = places.build.join("target").join(target);
    Ok(built.join("release").join(name))
}

/// Builds one of the workspace's libraries that programs of the host load.
pub fn build_library(
    places: &Places,
    cargo: &Path,
    name: &str,
    progress: &Progress,
) -> Result<PathBuf> {
    let mut cmd = cargo_build(places, cargo);
    cmd.args(["--package", name]);
    run(cmd, places, name, "for the host", progress)?;
    let file = format!("lib{}.so", name.replace('-', "_"));
    Ok(places.build.join("target/release").join(file))
}

fn cargo_build(places: &Places, cargo: &Path) -> Command {
    let mut cmd = proc::cargo(cargo, places);
    cmd.args(["build", "--release", "--locked"]);
    cmd
}

fn run(cmd: Command, places: &Places, name: &str, kind: &str, progress: &Progress) -> Result<()> {
    let mut step = progress.step(&format!("program {name}"));
    let log = places.log(&format!("{name}-build"));
    if !proc::watched(&log, cmd, |line| step.doing(line))?.0 {
        eprint!("{}", proc::tail(&log, 20));
        bail!("{name} does not build: see {}", places.show(&log));
    }
    step.done(kind);
    Ok(())
}
