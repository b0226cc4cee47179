// SPDX-License-Identifier: GPL-2.0

//! The overlay's promises, checked on the files of a real kernel.

use crate::git::{Identity, Run, isolated};
use crate::insert::Insertion;
use crate::manifest;
use crate::snapshot::{Snapshot, stamps};
use crate::write::{Hooks, Stop};
use crate::{Overlay, Status};
use anyhow::{Context, Result, bail, ensure};
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
    /// What was wrong, or what was seen.
    pub detail: String,
}

/// Applies, reverts and exports on the files of a pristine kernel tree that the overlay touches.
///
/// They are copied into `workdir` together with what tells the tree's version and with the directories
/// that the new files go to; the pristine tree itself is only read, and compared at the end. The rest
/// of a kernel tree plays no part in any of this. Checked are: apply, apply again without a write,
/// revert byte for byte, the series taken by `git am` against apply, the series from an applied
/// tree, runs killed or failing at steps all over them, line endings and missing final
/// newlines, and the refusals that depend on the kernel's files: a missing anchor, an anchor found
/// twice, a file in the way, another version, a tree that has the series in its history.
pub fn roundtrip(pristine: &Path, overlay: &Overlay, workdir: &Path) -> Result<Vec<CheckResult>> {
    fs::create_dir_all(workdir)
        .with_context(|| format!("{}: cannot be made", workdir.display()))?;
    let scratch = tempfile::Builder::new()
        .prefix("roundtrip-")
        .tempdir_in(workdir)?;
    let trip = Trip::new(pristine, overlay, scratch.path().to_path_buf())?;
    let mut results = Vec::new();
    let mut check = |name: &str, run: &dyn Fn() -> Result<String>| {
        let (ok, detail) =
            run().map_or_else(|e| (false, format!("{e:#}")), |detail| (true, detail));
        results.push(CheckResult {
            name: name.to_string(),
            ok,
            detail,
        });
    };
    check("apply, apply again, revert", &|| trip.there_and_back());
    check("revert of a tree that never had it", &|| {
        trip.revert_pristine()
    });
    check("series taken by git am", &|| trip.series());
    check("killed at some step, then applied", &|| {
        trip.stopped(Stop::Kill, Then::Apply)
    });
    check("killed at some step, then reverted", &|| {
        trip.stopped(Stop::Kill, Then::Revert)
    });
    check("an error at some step", &|| {
        trip.stopped(Stop::Error, Then::Nothing)
    });
    check("CRLF line endings", &|| trip.rewritten(&to_crlf));
    check("no final newline", &|| {
        trip.rewritten(&without_final_newline)
    });
    check("another version", &|| trip.another_version());
    for insertion in &overlay.insertions {
        let what = format!("{} /{}/", insertion.file, insertion.anchor);
        check(&format!("anchor gone: {what}"), &|| {
            trip.anchor(insertion, "not found", &|line| {
                vec![format!("no {}", line.len())]
            })
        });
        check(&format!("anchor twice: {what}"), &|| {
            trip.anchor(insertion, "2 times", &|line| vec![line.to_string(); 2])
        });
    }
    for path in overlay.files() {
        check(&format!("file in the way: {path}"), &|| {
            trip.in_the_way(path)
        });
    }
    check("the pristine tree is untouched", &|| {
        trip.pristine_is_untouched()
    });
    Ok(results)
}

/// What follows a run that was stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Apply,
    Revert,
    /// The run has to have cleaned up itself.
    Nothing,
}

const HURRIED: Hooks = Hooks {
    free_bytes: None,
    skip_sync: true,
    stop: None,
};

struct Trip<'a> {
    pristine: &'a Path,
    overlay: &'a Overlay,
    dir: PathBuf,
    /// Kernel files that are copied.
    files: BTreeSet<String>,
    before: Snapshot,
    /// A tree as a successful apply leaves it.
    applied: Snapshot,
}

impl<'a> Trip<'a> {
    fn new(pristine: &'a Path, overlay: &'a Overlay, dir: PathBuf) -> Result<Self> {
        let version_files = ["Makefile", "Kbuild", "Kconfig"];
        let files = version_files
            .into_iter()
            .chain(overlay.insertion_files())
            .chain(overlay.files());
        let files = files
            .filter(|f| pristine.join(f).is_file())
            .map(str::to_string)
            .collect();
        let empty = dir.join("empty");
        fs::create_dir_all(&empty)?;
        let nothing = Snapshot::of(&empty)?;
        let mut trip = Self {
            pristine,
            overlay,
            dir,
            files,
            before: nothing.clone(),
            applied: nothing,
        };
        let copy = trip.copy()?;
        let tree = copy.path();
        trip.before = Snapshot::of(tree)?;
        overlay.apply(tree)?;
        trip.applied = Snapshot::of(tree)?;
        Ok(trip)
    }

    /// A fresh copy of the kernel's files.
    fn copy(&self) -> Result<TempDir> {
        let tree = tempfile::Builder::new()
            .prefix("tree-")
            .tempdir_in(&self.dir)?;
        let parents = self
            .overlay
            .files()
            .flat_map(|f| Path::new(f).ancestors().skip(1));
        for dir in parents.filter(|p| self.pristine.join(p).is_dir()) {
            fs::create_dir_all(tree.path().join(dir))?;
        }
        for file in &self.files {
            let (from, to) = (self.pristine.join(file), tree.path().join(file));
            fs::create_dir_all(to.parent().unwrap_or(tree.path()))?;
            fs::copy(&from, &to)
                .with_context(|| format!("{}: cannot be copied", from.display()))?;
        }
        Ok(tree)
    }

    fn there_and_back(&self) -> Result<String> {
        let copy = self.copy()?;
        let tree = copy.path();
        let first = self.overlay.apply(tree)?;
        ensure!(
            !first.nothing_to_do,
            "a pristine tree was found to have it all"
        );
        ensure!(
            self.overlay.status(tree)? == Status::Applied,
            "not seen as applied afterwards"
        );
        let stamps_before = stamps(tree)?;
        let second = self.overlay.apply(tree)?;
        ensure!(
            second.nothing_to_do && stamps(tree)? == stamps_before,
            "the second apply wrote something"
        );
        self.overlay.revert(tree)?;
        Snapshot::of(tree)?.same_as(&self.before)?;
        ensure!(
            self.overlay.status(tree)? == Status::Pristine,
            "not seen as pristine afterwards"
        );
        Ok(format!(
            "{} files, {} insertions",
            first.files_written, first.insertions
        ))
    }

    fn revert_pristine(&self) -> Result<String> {
        let copy = self.copy()?;
        let tree = copy.path();
        let stamps_before = stamps(tree)?;
        ensure!(
            self.overlay.revert(tree)?.nothing_to_do,
            "found something to revert"
        );
        ensure!(stamps(tree)? == stamps_before, "wrote something");
        Ok(String::new())
    }

    fn series(&self) -> Result<String> {
        let who = Identity {
            name: "Round Trip".into(),
            email: "round@trip.invalid".into(),
            date: "1000000000 +0000".into(),
        };
        let copy = self.copy()?;
        let tree = copy.path();
        let (first, second) = (self.dir.join("series-1"), self.dir.join("series-2"));
        let patches = self.overlay.patches_by(tree, &first, &who)?;
        Snapshot::of(tree)?
            .same_as(&self.before)
            .context("making the series changed the tree")?;

        let applied = self.copy()?;
        self.overlay.apply(applied.path())?;
        self.overlay.patches_by(applied.path(), &second, &who)?;
        let same = Snapshot::of(&second)?.same_as(&Snapshot::of(&first)?);
        same.context("the series of an applied tree is another one")?;

        let git = || isolated(tree, &who);
        git()
            .args(["init", "-q", "--template=", "-b", "main"])
            .run()?;
        git().args(["add", "-f", "-A"]).run()?;
        git().args(["commit", "-q", "-m", "pristine"]).run()?;
        git()
            .args(["am", "-q"])
            .args(
                fs::canonicalize(&first)?
                    .read_dir()?
                    .map(|e| e.map(|e| e.path()))
                    .collect::<Result<BTreeSet<_>, _>>()?,
            )
            .run()?;
        let taken = Snapshot::of(tree)?.without(".git");
        taken.same_as(&self.applied.clone().without(manifest::NAME))?;
        ensure!(
            self.overlay.status(tree)? == Status::AppliedElsewhere,
            "not seen as applied by git"
        );
        self.refused(tree, &["git am"])?;
        let revert = self.overlay.revert(tree);
        ensure!(
            revert.is_err_and(|e| format!("{e:#}").contains("git am")),
            "revert did not point at git"
        );
        Ok(format!("{} patches", patches.len()))
    }

    /// Stops an apply and a revert at steps spread over each of them.
    fn stopped(&self, stop: Stop, then: Then) -> Result<String> {
        let copy = self.copy()?;
        let tree = copy.path();
        // A write is two steps, so an odd stride meets both of them.
        let stride = (self.overlay.files().count() / 8) | 1;
        let mut runs = 0;
        for step in (1..).step_by(stride) {
            let hooks = Hooks {
                stop: Some((step, stop)),
                ..HURRIED
            };
            let done = self.overlay.apply_with(tree, &hooks).is_ok();
            self.restored(tree, then)
                .with_context(|| format!("apply stopped at step {step}"))?;
            if done {
                break;
            }
            runs += 1;
        }
        if then == Then::Nothing {
            return Ok(format!("{runs} runs"));
        }
        for step in (1..).step_by(stride) {
            self.overlay.apply_with(tree, &HURRIED)?;
            let hooks = Hooks {
                stop: Some((step, stop)),
                ..HURRIED
            };
            let done = self.overlay.revert_with(tree, &hooks).is_ok();
            self.restored(tree, then)
                .with_context(|| format!("revert stopped at step {step}"))?;
            if done {
                break;
            }
            runs += 1;
        }
        Ok(format!("{runs} runs"))
    }

    /// Does what should bring the tree into one of its two states, and leaves it pristine.
    fn restored(&self, tree: &Path, then: Then) -> Result<()> {
        if then == Then::Apply {
            self.overlay.apply_with(tree, &HURRIED)?;
            Snapshot::of(tree)?
                .same_as(&self.applied)
                .context("applied again")?;
        }
        if then != Then::Nothing || self.overlay.status(tree)? == Status::Applied {
            self.overlay.revert_with(tree, &HURRIED)?;
        }
        Snapshot::of(tree)?.same_as(&self.before)
    }

    /// With every file that gets insertions rewritten in some way.
    fn rewritten(&self, rewrite: &dyn Fn(Vec<u8>) -> Vec<u8>) -> Result<String> {
        let copy = self.copy()?;
        let tree = copy.path();
        for file in self.overlay.insertion_files() {
            fs::write(tree.join(file), rewrite(fs::read(tree.join(file))?))?;
        }
        let before = Snapshot::of(tree)?;
        self.overlay.apply(tree)?;
        for insertion in &self.overlay.insertions {
            let content = fs::read(tree.join(&insertion.file))?;
            let mixed = content.windows(2).any(|w| w[1] == b'\n' && w[0] != b'\r')
                && content.windows(2).any(|w| w == b"\r\n");
            ensure!(!mixed, "{}: has two kinds of line endings", insertion.file);
        }
        self.overlay.revert(tree)?;
        Snapshot::of(tree)?.same_as(&before)?;
        Ok(String::new())
    }

    fn another_version(&self) -> Result<String> {
        let copy = self.copy()?;
        let tree = copy.path();
        let makefile = fs::read_to_string(tree.join("Makefile"))?;
        let other = makefile.lines().map(|l| {
            if l.starts_with("VERSION") {
                "VERSION = 2"
            } else {
                l
            }
        });
        fs::write(tree.join("Makefile"), other.collect::<Vec<_>>().join("\n"))?;
        self.refused(tree, &["Linux 2.", &self.overlay.supported_versions[0]])
    }

    fn anchor(
        &self,
        insertion: &Insertion,
        complaint: &str,
        damage: &dyn Fn(&str) -> Vec<String>,
    ) -> Result<String> {
        let copy = self.copy()?;
        let tree = copy.path();
        let path = tree.join(&insertion.file);
        let content = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        let damaged = content
            .lines()
            .flat_map(|line| match insertion.anchor.is_match(line) {
                true => damage(line),
                false => vec![line.to_string()],
            });
        fs::write(&path, damaged.collect::<Vec<_>>().join("\n"))?;
        self.refused(
            tree,
            &[&insertion.file, insertion.anchor.as_str(), complaint],
        )
    }

    fn in_the_way(&self, file: &str) -> Result<String> {
        let copy = self.copy()?;
        let tree = copy.path();
        fs::create_dir_all(tree.join(file).parent().unwrap_or(tree))?;
        fs::write(tree.join(file), "somebody else's\n")?;
        self.refused(tree, &[file, "exists already"])
    }

    /// Applying must fail, naming all of this in one line, and change nothing.
    fn refused(&self, tree: &Path, named: &[&str]) -> Result<String> {
        let before = (Snapshot::of(tree)?, stamps(tree)?);
        let Err(error) = self.overlay.apply(tree) else {
            bail!("was applied")
        };
        let message = format!("{error:#}");
        ensure!(
            !message.contains('\n'),
            "refused in more than one line: {message:?}"
        );
        if let Some(missing) = named.iter().find(|n| !message.contains(**n)) {
            bail!("refused without naming {missing:?}: {message}");
        }
        Snapshot::of(tree)?
            .same_as(&before.0)
            .context("refused, but changed")?;
        ensure!(stamps(tree)? == before.1, "refused, but wrote something");
        Ok(String::new())
    }

    fn pristine_is_untouched(&self) -> Result<String> {
        Snapshot::of(self.copy()?.path())?.same_as(&self.before)?;
        ensure!(
            !self.pristine.join(manifest::NAME).exists(),
            "{} is in it",
            manifest::NAME
        );
        Ok(String::new())
    }
}

fn to_crlf(content: Vec<u8>) -> Vec<u8> {
    content
        .into_iter()
        .flat_map(|b| {
            if b == b'\n' {
                vec![b'\r', b'\n']
            } else {
                vec![b]
            }
        })
        .collect()
}

fn without_final_newline(mut content: Vec<u8>) -> Vec<u8> {
    while content.last() == Some(&b'\n') {
        content.pop();
    }
    content
}
