// SPDX-License-Identifier: GPL-2.0

//! The overlay's promises, checked on the files of a real kernel.

use crate::git::{Identity, Run, isolated};
use crate::manifest;
use crate::snapshot::{Snapshot, stamps};
use crate::tree::{Hooks, Stop};
use crate::{Overlay, Status};
use anyhow::{Context, Result, ensure};
use serde::Serialize;
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
    let mut trip = Trip {
        pristine,
        overlay,
        dir: scratch.path().to_path_buf(),
        before: Snapshot::default(),
        applied: Snapshot::default(),
    };
    let tree = trip.copy()?;
    trip.before = Snapshot::of(tree.path())?;
    overlay.apply(tree.path())?;
    trip.applied = Snapshot::of(tree.path())?;
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
        let has_manifest = pristine.join(manifest::NAME).exists();
        ensure!(!has_manifest, "{} is in it", manifest::NAME);
        Ok(String::new())
    });
    Ok(results)
}

/// Many runs in a row need not wait for the disk.
pub(crate) const HURRIED: Hooks = Hooks {
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

impl Trip<'_> {
    /// A fresh copy of the kernel's files.
    fn copy(&self) -> Result<TempDir> {
        let mut builder = tempfile::Builder::new();
        let tree = builder.prefix("tree-").tempdir_in(&self.dir)?;
        for path in self.overlay.files() {
            let mut above = Path::new(path).ancestors().skip(1);
            if let Some(dir) = above.find(|dir| self.pristine.join(dir).is_dir()) {
                fs::create_dir_all(tree.path().join(dir))?;
            }
        }
        let files = ["Makefile", "Kbuild", "Kconfig"].into_iter();
        let files = files
            .chain(self.overlay.insertion_files())
            .chain(self.overlay.files());
        for (from, to) in files.map(|f| (self.pristine.join(f), tree.path().join(f))) {
            if from.is_file() {
                let cannot = || format!("{}: cannot be copied", from.display());
                fs::create_dir_all(to.parent().unwrap_or(tree.path()))?;
                fs::copy(&from, &to).with_context(cannot)?;
            }
        }
        Ok(tree)
    }

    fn there_and_back(&self, tree: &Path) -> Result<String> {
        let overlay = self.overlay;
        let first = overlay.apply(tree)?;
        ensure!(
            !first.nothing_to_do,
            "a pristine tree was taken for an applied one"
        );
        let is_applied = overlay.status(tree)? == Status::Applied;
        ensure!(is_applied, "not seen as applied");
        let before = stamps(tree)?;
        let second = overlay.apply(tree)?;
        let is_same = second.nothing_to_do && stamps(tree)? == before;
        ensure!(is_same, "the second apply wrote something");
        overlay.revert(tree)?;
        Snapshot::of(tree)?.same_as(&self.before)?;
        let is_pristine = overlay.status(tree)? == Status::Pristine;
        ensure!(is_pristine, "not seen as pristine");
        let (files, insertions) = (first.files_written, first.insertions);
        Ok(format!("{files} files, {insertions} insertions"))
    }

    fn series(&self, tree: &Path) -> Result<String> {
        let who = Identity::of_a_check();
        let dir = fs::canonicalize(&self.dir)?;
        let [first, second] = ["series-1", "series-2"].map(|name| dir.join(name));
        let patches = self.overlay.patches_by(tree, &first, &who)?;
        let same = Snapshot::of(tree)?.same_as(&self.before);
        same.context("making the series changed the tree")?;
        let applied = self.copy()?;
        self.overlay.apply(applied.path())?;
        self.overlay.patches_by(applied.path(), &second, &who)?;
        let same = Snapshot::of(&second)?.same_as(&Snapshot::of(&first)?);
        same.context("the series of an applied tree is another one")?;

        let git = |args: &str| isolated(tree, &who).args(args.split(' ')).run();
        git("init -q --template= -b main")?;
        git("add -f -A")?;
        git("commit -q -m pristine")?;
        git("tag pristine")?;
        isolated(tree, &who)
            // The cover letter has no changes.
            .args(["am", "-q", "--empty=drop"])
            .args(&patches)
            .run()?;
        let expected = self.applied.clone().without(manifest::NAME);
        Snapshot::of(tree)?.same_as(&expected)?;
        let status = self.overlay.status(tree)?;
        ensure!(status == Status::AppliedByGit, "not seen as applied by git");
        let again = self.overlay.apply(tree)?;
        ensure!(again.nothing_to_do, "not enough for apply");
        self.overlay.revert(tree)?;
        // Git has no empty directories.
        git("add -f -A")?;
        git("diff --cached --exit-code pristine").context("not reverted")?;
        Ok(format!("{} patches", patches.len() - 1))
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
                    let same = Snapshot::of(tree)?.same_as(&self.applied);
                    same.with_context(at)?;
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
