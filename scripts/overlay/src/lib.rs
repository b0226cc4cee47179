// SPDX-License-Identifier: GPL-2.0

//! The overlay: the additions of this repository to a kernel tree, and how to apply and revert them.

mod cutting;
mod git;
mod insert;
mod later;
mod load;
mod manifest;
mod older;
mod ops;
mod roundtrip;
mod series;
mod snapshot;
#[cfg(test)]
mod tests;
mod tree;

pub use cutting::{CutSeries, Workplace};
pub use git::{Revision, Run, of_a_check as git_of_a_check};
pub use later::{Planned, Size};
pub use manifest::sha256;
pub use roundtrip::{CheckResult, roundtrip};
pub use tree::{Version, kernel_version};

use anyhow::{Result, bail};
use git::Identity;
use insert::Insertion;
use later::Later;
use load::{OverlayFile, Patch};
use older::Absent;
use serde::Serialize;
use std::path::{Path, PathBuf};
use tree::Hooks;

/// Where the repository declares insertions and series.
pub(crate) const CONFIG: &str = "scripts/overlay.toml";

/// Where it declares the patches of the series.
pub(crate) const SERIES: &str = "scripts/series.toml";

/// Where `make series-cut` says what comes in a later patch than its file.
pub const LATER: &str = "scripts/series-cut.toml";

/// The text of the cover letter, below its subject.
pub(crate) const COVER: &str = "scripts/cover-letter.txt";

/// Where `make series-cut SERIES=` says what an older kernel cannot have.
pub fn older_file(series: &str) -> String {
    format!("scripts/older/{series}.toml")
}

/// The additions to a kernel tree: new files, insertions and the series they make.
#[derive(Clone)]
pub struct Overlay {
    /// Series of kernels that it fits, such as `7.3`.
    pub supported_versions: Vec<String>,
    repo: PathBuf,
    files: Vec<OverlayFile>,
    insertions: Vec<Insertion>,
    patches: Vec<Patch>,
    /// Items that come later than their file, by choice, and because they do not compile before.
    chosen: Vec<Later>,
    found: Vec<Later>,
    /// Items that older kernels cannot have: as the repository says, and as the compiler does.
    absent: Vec<Absent>,
    found_absent: Vec<Absent>,
    /// Items that come with no patch, if this is for one of those.
    never: Vec<(String, String)>,
}

/// The result of [`Overlay::apply`].
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

/// The result of [`Overlay::revert`].
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
    /// As the repository is now, by `git am` of the series.
    AppliedByGit,
    /// Files of ours that were edited in the tree.
    Edited(Vec<String>),
    /// Why the overlay does not go into this tree, one line each.
    Conflict(Vec<String>),
}

impl Overlay {
    /// Reads `scripts/overlay.toml` and the files below `rust/`, `samples/` and `Documentation/`:
    /// those that git tracks or would track, or all of them where there is no git checkout. Files
    /// that have another name in the tree come on top.
    pub fn load(repo: &Path) -> Result<Self> {
        load::load(repo)
    }

    /// Paths of the new files, relative to the kernel tree.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|f| f.path.as_str())
    }

    /// Puts the overlay into a kernel tree; again, to update it. What would be refused is refused
    /// before the first change, and an interrupted run is completed by the next one.
    pub fn apply(&self, kdir: &Path) -> Result<Applied> {
        self.apply_with(kdir, &Hooks::default())
    }

    /// Takes the overlay out of a kernel tree, also a half-applied one, byte for byte.
    pub fn revert(&self, kdir: &Path) -> Result<Reverted> {
        self.revert_with(kdir, &Hooks::default())
    }

    /// Says how a tree stands to the overlay.
    pub fn status(&self, kdir: &Path) -> Result<Status> {
        self.status_of(kdir)
    }

    /// Refuses files that are not committed, which the series must not have.
    pub fn refuse_uncommitted(&self) -> Result<()> {
        let outside = self.files.iter().map(|f| f.source.as_str());
        let paths: Vec<&str> = load::MIRRORED
            .into_iter()
            .chain([CONFIG, SERIES, LATER, COVER])
            .chain(outside)
            .collect();
        match git::uncommitted(&self.repo, &paths)? {
            Some(path) => bail!("{path}: not committed: the series is made of commits only"),
            None => Ok(()),
        }
    }

    /// Writes the series for `git am` into `outdir`, which is replaced as a whole; returns its files
    /// in order. The tree, pristine or applied, is only read. The same commit of the repository
    /// and the same kernel give the same bytes.
    ///
    /// The first one is the cover letter, which git takes with `git am --empty=drop` only.
    pub fn patches(&self, kdir: &Path, outdir: &Path) -> Result<Vec<PathBuf>> {
        self.patches_by(kdir, outdir, &Identity::of(&self.repo)?)
    }

    /// The same, signed off by nobody: for checks.
    pub fn patches_to_check(&self, kdir: &Path, outdir: &Path) -> Result<Vec<PathBuf>> {
        self.patches_by(kdir, outdir, &Identity::of_a_check())
    }
}
