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

/// Builds one of the workspace's programs for a machine. If that is another one, the compiler may have no library for it, so the
/// library is built, too, by the kernel's compiler, which has its source.
pub fn build(
    places: &Places,
    cargo: &Path,
    (target, cross): (&str, Option<(&Cross, &Path)>),
    name: &str,
    progress: &Progress,
) -> Result<PathBuf> {
    let mut cmd = cargo_build(places, cargo);
    cmd.args(["--target", target, "--bin", name])
        .env("RUSTFLAGS", "-C target-feature=+crt-static");
    if let Some((cross, rustc)) = cross {
        let variable = target.to_uppercase().replace('-', "_");
        cmd.arg("-Zbuild-std=std,panic_unwind")
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTC", rustc)
            .env(format!("CARGO_TARGET_{variable}_LINKER"), cross.linker);
    }
    let kind = if cross.is_some() { target } else { "static" };
    run(cmd, places, name, kind, progress)?;
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
