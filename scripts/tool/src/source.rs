// SPDX-License-Identifier: GPL-2.0

//! The kernel's source without the overlay.

use crate::host::Packages;
use crate::places::Places;
use crate::proc;
use crate::progress::Progress;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// The source package as unpacked in the cache, fetched if it is not there.
pub fn pristine(places: &Places, packages: &Packages, progress: &Progress) -> Result<PathBuf> {
    let found = packages.setup(places, &["pristine"], progress)?;
    let dir = found.get("pristine").context("there is no kernel source")?;
    Ok(dir.into())
}

/// Copies a tree without its history.
pub fn copy_tree(from: &Path, to: &Path, places: &Places, progress: &Progress) -> Result<()> {
    let step = progress.step("copy of the tree");
    let log = places.log("tree");
    let mut cmd = proc::command("rsync");
    cmd.args(["--archive", "--exclude=/.git"]);
    cmd.arg(from.join("")).arg(to);
    if !proc::watched(&log, cmd, |_| ())?.0 {
        eprint!("{}", proc::tail(&log, 20));
        bail!("the source could not be copied: see {}", places.show(&log));
    }
    step.done("copied");
    Ok(())
}
