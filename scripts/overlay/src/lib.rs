// SPDX-License-Identifier: GPL-2.0

//! What this repository adds to a kernel tree, and how to put it in and take it out again.

use anyhow::{Result, bail};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What the repository adds to a kernel tree: new files, insertions and the series they make.
pub struct Overlay {
    pub supported_versions: Vec<String>,
}

/// What [`Overlay::apply`] did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// The tree's version, such as `7.3.4`.
    pub version: String,
    pub files_written: usize,
    pub files_unchanged: usize,
    pub files_removed: usize,
    /// Insertions now in the tree.
    pub insertions: usize,
    /// Nothing had to be written: the tree was as it should be.
    pub nothing_to_do: bool,
}

/// What [`Overlay::revert`] did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reverted {
    pub files_removed: usize,
    pub insertions_removed: usize,
    /// Directories of ours that had to stay because something else is in them.
    pub dirs_kept: Vec<String>,
    /// The tree had never had the overlay.
    pub nothing_to_do: bool,
}

/// How a tree stands to the overlay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Status {
    /// Nothing of ours.
    Pristine,
    /// As the repository is now.
    Applied,
    /// Applied from an older state of the repository: apply again.
    Stale,
    /// Interrupted, or something of ours has gone: apply again, or revert.
    Partial,
    /// Our content without our manifest: the series was applied by git.
    AppliedElsewhere,
    /// Files of ours that were edited in the tree.
    Edited(Vec<String>),
    /// Why the overlay does not go into this tree, one line each.
    Conflict(Vec<String>),
}

/// One check of [`roundtrip`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    pub name: String,
    pub ok: bool,
    pub detail: String,
}

impl Overlay {
    /// Reads `scripts/overlay.toml` and the files below `rust/`, `samples/` and `Documentation/`.
    pub fn load(repo: &Path) -> Result<Self> {
        bail!("{}: the overlay cannot be loaded yet", repo.display())
    }

    /// Paths of the new files, relative to the kernel tree.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    /// Puts the overlay into a kernel tree; again, to update it.
    pub fn apply(&self, kdir: &Path) -> Result<Applied> {
        bail!("{}: the overlay cannot be applied yet", kdir.display())
    }

    /// Takes the overlay out of a kernel tree.
    pub fn revert(&self, kdir: &Path) -> Result<Reverted> {
        bail!("{}: the overlay cannot be reverted yet", kdir.display())
    }

    /// Says how a tree stands to the overlay.
    pub fn status(&self, kdir: &Path) -> Result<Status> {
        bail!("{}: the tree cannot be inspected yet", kdir.display())
    }

    /// Writes the series into `outdir`, which is replaced as a whole; returns its files in order.
    pub fn patches(&self, kdir: &Path, outdir: &Path) -> Result<Vec<PathBuf>> {
        let _ = kdir;
        bail!("{}: the series cannot be written yet", outdir.display())
    }
}

/// Applies, reverts and exports on copies of the files that the overlay touches.
pub fn roundtrip(pristine: &Path, overlay: &Overlay, workdir: &Path) -> Result<Vec<CheckResult>> {
    let _ = (pristine, overlay);
    bail!("{}: the round trip cannot be run yet", workdir.display())
}
