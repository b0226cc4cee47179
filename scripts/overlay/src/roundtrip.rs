// SPDX-License-Identifier: GPL-2.0

//! The overlay's promises, checked on the files of a real kernel.

use crate::git::{Identity, Run, isolated};
use crate::manifest;
use crate::snapshot::{Snapshot, stamps};
use crate::tree::{Hooks, Stop};
use crate::{Overlay, Status};
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// One check of [`roundtrip`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    pub name: String,
    pub ok: bool,
    /// The error, or the state that was found.
    pub detail: String,
}

/// Applies, reverts and exports on the files of a pristine kernel tree that the overlay touches.
///
/// They are copied into `workdir` together with the files that tell the tree's version and with the
/// directories that the new files go to; the pristine tree itself is only read. Checked are: apply,
/// a second apply, revert byte for byte, the series by `git am` against apply, and runs that are
/// killed or fail. An anchor that is not unique fails the first of them.
pub fn roundtrip(pristine: &Path, overlay: &Overlay, workdir: &Path) -> Result<Vec<CheckResult>> {
    let unwritable = || format!("{}: cannot be made", workdir.display());
    fs::create_dir_all(workdir).with_context(unwritable)?;
    let scratch = tempfile::Builder::new()
        .prefix("roundtrip-")
        .tempdir_in(workdir)?;
    let trip = Trip::new(pristine, overlay, scratch.path().to_path_buf())?;
    let mut results = Vec::new();
    // Each check has a tree of its own.
    let mut check = |name: &str, run: &dyn Fn(&Path) -> Result<String>| {
        let result = trip.copy().and_then(|tree| run(tree.path()));
        let ok = result.is_ok();
        results.push(CheckResult {
            name: name.to_string(),
            ok,
            detail: result.unwrap_or_else(|e| format!("{e:#}")),
        });
    };
    check("apply, apply again, revert", &|tree| {
        trip.there_and_back(tree)
    });
    check("series taken by git am", &|tree| trip.series(tree));
    for (name, stop, again) in [
        ("killed at some step, then applied", Stop::Kill, true),
        ("killed at some step, then reverted", Stop::Kill, false),
        ("an error at some step", Stop::Error, false),
    ] {
        check(name, &|tree| trip.stopped(tree, stop, again));
    }
    check("the pristine tree is untouched", &|copy| {
        Snapshot::of(copy)?.same_as(&trip.before)?;
        ensure!(
            !pristine.join(manifest::NAME).exists(),
            "{} is in it",
            manifest::NAME
        );
        Ok(String::new())
    });
    Ok(results)
}

const HURRIED: Hooks = Hooks {
    skip_sync: true,
    stop: None,
};

struct Trip<'a> {
    pristine: &'a Path,
    overlay: &'a Overlay,
    dir: PathBuf,
    before: Snapshot,
    /// A tree as apply leaves it.
    applied: Snapshot,
}

impl<'a> Trip<'a> {
    fn new(pristine: &'a Path, overlay: &'a Overlay, dir: PathBuf) -> Result<Self> {
        let (before, applied) = Default::default();
        let mut trip = Self {
            pristine,
            overlay,
            dir,
            before,
            applied,
        };
        let tree = trip.copy()?;
        trip.before = Snapshot::of(tree.path())?;
        overlay.apply(tree.path())?;
        trip.applied = Snapshot::of(tree.path())?;
        Ok(trip)
    }

    /// A fresh copy of the kernel's files.
    fn copy(&self) -> Result<TempDir> {
        let tree = tempfile::Builder::new()
            .prefix("tree-")
            .tempdir_in(&self.dir)?;
        for path in self.overlay.files() {
            let mut above = Path::new(path).ancestors().skip(1);
            if let Some(dir) = above.find(|dir| self.pristine.join(dir).is_dir()) {
                fs::create_dir_all(tree.path().join(dir))?;
            }
        }
        let of_version = ["Makefile", "Kbuild", "Kconfig"].into_iter();
        let files = of_version
            .chain(self.overlay.insertion_files())
            .chain(self.overlay.files());
        for file in files {
            let (from, to) = (self.pristine.join(file), tree.path().join(file));
            if from.is_file() {
                fs::create_dir_all(to.parent().unwrap_or(tree.path()))?;
                fs::copy(&from, &to)
                    .with_context(|| format!("{}: cannot be copied", from.display()))?;
            }
        }
        Ok(tree)
    }

    fn there_and_back(&self, tree: &Path) -> Result<String> {
        let first = self.overlay.apply(tree)?;
        ensure!(
            !first.nothing_to_do,
            "a pristine tree was found to have it all"
        );
        ensure!(
            self.overlay.status(tree)? == Status::Applied,
            "not seen as applied"
        );
        let before = stamps(tree)?;
        let second = self.overlay.apply(tree)?;
        let is_same = second.nothing_to_do && stamps(tree)? == before;
        ensure!(is_same, "the second apply wrote something");
        self.overlay.revert(tree)?;
        Snapshot::of(tree)?.same_as(&self.before)?;
        ensure!(
            self.overlay.status(tree)? == Status::Pristine,
            "not seen as pristine"
        );
        Ok(format!(
            "{} files, {} insertions",
            first.files_written, first.insertions
        ))
    }

    fn series(&self, tree: &Path) -> Result<String> {
        let who = Identity {
            name: "Round Trip".into(),
            email: "round@trip.invalid".into(),
            date: "1000000000 +0000".into(),
        };
        let [first, second] = ["series-1", "series-2"].map(|name| self.dir.join(name));
        let patches = self.overlay.patches_by(tree, &first, &who)?;
        let same = Snapshot::of(tree)?.same_as(&self.before);
        same.context("making the series changed the tree")?;
        let applied = self.copy()?;
        self.overlay.apply(applied.path())?;
        self.overlay.patches_by(applied.path(), &second, &who)?;
        let same = Snapshot::of(&second)?.same_as(&Snapshot::of(&first)?);
        same.context("the series of an applied tree is another one")?;

        let git = |args: &[&str]| isolated(tree, &who).args(args).run();
        git(&["init", "-q", "--template=", "-b", "main"])?;
        git(&["add", "-f", "-A"])?;
        git(&["commit", "-q", "-m", "pristine"])?;
        git(&["tag", "pristine"])?;
        let files: BTreeSet<_> = fs::canonicalize(&first)?
            .read_dir()?
            .map(|e| e.map(|e| e.path()))
            .collect::<Result<_, _>>()?;
        isolated(tree, &who).args(["am", "-q"]).args(files).run()?;
        let taken = Snapshot::of(tree)?;
        taken.same_as(&self.applied.clone().without(manifest::NAME))?;
        ensure!(
            self.overlay.status(tree)? == Status::AppliedByGit,
            "not seen as applied by git"
        );
        ensure!(
            self.overlay.apply(tree)?.nothing_to_do,
            "not enough for apply"
        );
        self.overlay.revert(tree)?;
        // Git has no empty directories.
        git(&["add", "-f", "-A"])?;
        git(&["diff", "--cached", "--exit-code", "pristine"]).context("not reverted")?;
        Ok(format!("{} patches", patches.len()))
    }

    /// Stops an apply and a revert at steps spread over each of them.
    fn stopped(&self, tree: &Path, stop: Stop, apply_again: bool) -> Result<String> {
        // A write is two steps, so an odd stride meets both of them.
        let stride = (self.overlay.files().count() / 8) | 1;
        let mut runs = 0;
        for is_revert in [false, true] {
            for step in (1..).step_by(stride) {
                let hooks = Hooks {
                    stop: Some((step, stop)),
                    ..HURRIED
                };
                let done = match is_revert {
                    false => self.overlay.apply_with(tree, &hooks).is_ok(),
                    true => {
                        self.overlay.apply_with(tree, &HURRIED)?;
                        self.overlay.revert_with(tree, &hooks).is_ok()
                    }
                };
                let at = || format!("stopped at step {step}");
                if apply_again {
                    self.overlay.apply_with(tree, &HURRIED)?;
                    Snapshot::of(tree)?
                        .same_as(&self.applied)
                        .with_context(at)?;
                }
                // An apply that fails has to clean up itself.
                if is_revert || done || stop == Stop::Kill {
                    self.overlay.revert_with(tree, &HURRIED)?;
                }
                Snapshot::of(tree)?.same_as(&self.before).with_context(at)?;
                if done {
                    break;
                }
                runs += 1;
            }
        }
        Ok(format!("{runs} runs"))
    }
}
