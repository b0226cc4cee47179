// SPDX-License-Identifier: GPL-2.0

//! Apply, revert and status. All three compare a tree with what should be in it and with what the
//! manifest says may be in it. The result is a plan: the changes, and all that speaks against them.

use crate::insert::{self, Form, Insertion};
use crate::load::OverlayFile;
use crate::manifest::{self, Manifest, sha256};
use crate::tree::{Access, Found, Hooks, Stop, Stopped, Tree, Write};
use crate::{Applied, CONFIG, Overlay, Reverted, Status};
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

/// A reason against a change.
struct Problem {
    path: String,
    /// Something of the overlay was edited, rather than that something is in its way.
    edited: bool,
    text: String,
}

#[derive(Default)]
struct Plan {
    problems: Vec<Problem>,
    mkdirs: BTreeSet<String>,
    writes: Vec<Write>,
    deletes: Vec<String>,
    rmdirs: BTreeSet<String>,
    /// The manifest of the tree, and when all is done.
    old: Option<Manifest>,
    done: Manifest,
    files_written: usize,
    files_unchanged: usize,
    insertions: usize,
    insertions_removed: usize,
    /// How many parts are not there although the manifest names them.
    missing: usize,
    /// `git am` put everything there, so there is no manifest.
    by_git: bool,
}

const EDITED: &str = "the overlay's file was edited in this tree: take the edit over into the repository or delete the file, then run this again";
const EDITED_LINES: &str = "the overlay's lines in it were edited in this tree: put them back as they were or restore the kernel's file, then run this again";

fn does_not_fit(why: &str) -> String {
    format!("{why}: use a kernel that fits, or adapt {CONFIG}")
}

impl Overlay {
    pub(crate) fn apply_with(&self, kdir: &Path, hooks: &Hooks) -> Result<Applied> {
        let tree = Tree::open(kdir, Access::Write, *hooks)?;
        self.check_version(&tree)?;
        let overlay = self.for_kernel(&tree.version.series)?;
        let plan = overlay.plan(&tree, &overlay.files, &overlay.insertions)?;
        plan.refuse(&tree)?;
        plan.carry_out(&tree).map_err(|error| {
            if matches!(error.downcast_ref(), Some(Stopped(Stop::Kill))) {
                return error;
            }
            // The tree was pristine, and can be again.
            let undone = plan.old.is_none() && self.revert_tree(&tree).is_ok();
            let state = match undone {
                true => "the tree is as it was before",
                false => "the tree is half-way: remove the cause, then apply again or revert",
            };
            anyhow!("{}: {error:#}: {state}", tree.root.display())
        })?;
        Ok(Applied {
            version: tree.version.full.clone(),
            files_written: plan.files_written,
            files_unchanged: plan.files_unchanged,
            files_removed: plan.deletes.len(),
            insertions: plan.insertions,
            nothing_to_do: plan.is_empty(),
        })
    }

    pub(crate) fn revert_with(&self, kdir: &Path, hooks: &Hooks) -> Result<Reverted> {
        self.revert_tree(&Tree::open(kdir, Access::Write, *hooks)?)
    }

    fn revert_tree(&self, tree: &Tree) -> Result<Reverted> {
        // Recorded files can be taken out in any case.
        let overlay = self.for_kernel(&tree.version.series);
        let overlay = overlay.unwrap_or(Cow::Borrowed(self));
        let plan = overlay.plan(tree, &[], &[])?;
        plan.refuse(tree)?;
        let shown = tree.root.display();
        let half = || format!("{shown}: half-way reverted: remove the cause, then revert again");
        Ok(Reverted {
            dirs_kept: plan.carry_out(tree).with_context(half)?,
            files_removed: plan.deletes.len(),
            insertions_removed: plan.insertions_removed,
            nothing_to_do: plan.old.is_none(),
        })
    }

    pub(crate) fn status_of(&self, kdir: &Path) -> Result<Status> {
        let tree = Tree::open(kdir, Access::Read, Hooks::default())?;
        self.check_version(&tree)?;
        let overlay = self.for_kernel(&tree.version.series)?;
        let plan = overlay.plan(&tree, &overlay.files, &overlay.insertions)?;
        let is_empty = plan.is_empty();
        let (edited, conflicts): (Vec<_>, Vec<_>) =
            plan.problems.into_iter().partition(|p| p.edited);
        Ok(match plan.old {
            _ if !conflicts.is_empty() => {
                Status::Conflict(conflicts.into_iter().map(|p| p.text).collect())
            }
            _ if !edited.is_empty() => Status::Edited(edited.into_iter().map(|p| p.path).collect()),
            None => Status::Pristine,
            Some(_) if plan.by_git => Status::AppliedByGit,
            Some(old) if !old.complete || plan.missing > 0 => Status::Partial,
            Some(_) if !is_empty => Status::Stale,
            Some(_) => Status::Applied,
        })
    }

    /// The files that get insertions, as the kernel has them, and their modes.
    pub(crate) fn bases(&self, tree: &Tree) -> Result<Vec<(String, Vec<u8>, u32)>> {
        self.check_version(tree)?;
        let old = self.manifest(tree)?.map(|(old, _)| old);
        let base = |path: &str| {
            let Found::File { content, mode } = tree.look(path)? else {
                bail!("{path}: {}", does_not_fit("not in this tree"));
            };
            let base = insert::base(&content, &self.forms(path, old.as_ref()));
            let base = base.with_context(|| format!("{path}: {EDITED_LINES}"))?;
            Ok((path.to_string(), base, mode))
        };
        let bases = self.insertion_files().map(base).collect::<Result<_>>();
        bases.with_context(|| tree.root.display().to_string())
    }

    /// Refuses a kernel that the overlay was not made for.
    fn check_version(&self, tree: &Tree) -> Result<()> {
        let (version, supported) = (&tree.version, &self.supported_versions);
        ensure!(
            supported.contains(&version.series),
            "{}: Linux {} is not supported, only {}: give a tree of that version with KDIR=",
            tree.root.display(),
            version.full,
            supported.join(" and "),
        );
        Ok(())
    }

    /// The manifest of a tree and whether it had to be made, because `git am` put everything there.
    fn manifest(&self, tree: &Tree) -> Result<Option<(Manifest, bool)>> {
        if let Some(manifest) = tree.manifest()? {
            return Ok(Some((manifest, false)));
        }
        let mut made = Manifest {
            complete: true,
            ..Manifest::default()
        };
        for file in &self.files {
            match tree.look(&file.path)? {
                Found::File { content, .. } if content == file.content => {
                    let hash = sha256(&content);
                    made.files.insert(file.path.clone(), [hash].into());
                }
                _ => return Ok(None),
            }
        }
        for path in self.insertion_files() {
            let Found::File { content, .. } = tree.look(path)? else {
                return Ok(None);
            };
            let ours = of_file(&self.insertions, path);
            let Some(base) = insert::base_by_git(tree, path, &content, &ours)? else {
                return Ok(None);
            };
            let forms = vec![Form::new(&ours, &base)];
            made.insertions.insert(path.to_string(), forms);
        }
        // The innermost directories first: those in which nothing else is.
        for dir in parents(&self.files).into_iter().rev() {
            let is_ours = |p: &String| made.files.contains_key(p) || made.dirs.contains(p);
            if tree.entries(&dir).iter().all(is_ours) {
                made.dirs.insert(dir);
            }
        }
        Ok(Some((made, true)))
    }

    /// The forms in which the insertions of a file may be there.
    fn forms(&self, path: &str, old: Option<&Manifest>) -> Vec<Form> {
        let forms = old.and_then(|old| old.insertions.get(path)).cloned();
        forms.map_or(Vec::new(), |forms| match forms.is_empty() {
            true => vec![Form {
                marks: Vec::new(),
                ..Form::new(&of_file(&self.insertions, path), &[])
            }],
            false => forms,
        })
    }

    /// Compares a tree with the files and insertions that should be in it.
    fn plan(&self, tree: &Tree, files: &[OverlayFile], insertions: &[Insertion]) -> Result<Plan> {
        let mut plan = Plan::default();
        let old = self.manifest(tree)?;
        plan.by_git = old.as_ref().is_some_and(|(_, by_git)| *by_git);
        plan.old = old.map(|(old, _)| old);
        let old = plan.old.clone().unwrap_or_default();
        for file in files {
            plan.new_file(tree, file)?;
        }
        for path in old.files.keys() {
            if !plan.done.files.contains_key(path) {
                self.plan_delete(&mut plan, tree, path)?;
            }
        }
        let of_goal = insertions.iter().map(|i| &i.file);
        for path in old
            .insertions
            .keys()
            .chain(of_goal)
            .collect::<BTreeSet<_>>()
        {
            let forms = self.forms(path, plan.old.as_ref());
            plan.insertions(tree, path, &forms, &of_file(insertions, path))?;
        }
        plan.dirs(tree, parents(files));
        plan.done.complete = true;
        Ok(plan)
    }

    /// A file that should not be there any longer.
    fn plan_delete(&self, plan: &mut Plan, tree: &Tree, path: &str) -> Result<()> {
        let is_in_repo = |content: &[u8]| {
            let mut files = self.files.iter();
            files.any(|f| f.path == path && f.content == content)
        };
        match tree.look(path)? {
            Found::Nothing => Ok(()),
            Found::Unusable(why) => {
                plan.problem(path, true, &format!("the overlay's file is gone, {why}"))
            }
            Found::File { content, .. } if plan.knows(path, &content) || is_in_repo(&content) => {
                plan.deletes.push(path.to_string());
                Ok(())
            }
            Found::File { .. } => plan.problem(path, true, EDITED),
        }
    }

    pub fn insertion_files(&self) -> impl Iterator<Item = &str> {
        let files: BTreeSet<&str> = self.insertions.iter().map(|i| i.file.as_str()).collect();
        files.into_iter()
    }
}

impl Plan {
    fn knows(&self, path: &str, content: &[u8]) -> bool {
        let old = self.old.as_ref();
        old.is_some_and(|old| old.knows(path, content))
    }

    /// Notes a problem, and lets the comparison go on.
    fn problem(&mut self, path: &str, edited: bool, why: &str) -> Result<()> {
        let (path, text) = (path.to_string(), format!("{path}: {why}"));
        self.problems.push(Problem { path, edited, text });
        Ok(())
    }

    fn new_file(&mut self, tree: &Tree, file: &OverlayFile) -> Result<()> {
        let path = &file.path;
        let hash = sha256(&file.content);
        self.done.files.insert(path.clone(), [hash].into());
        let recorded = self.old.as_ref().and_then(|m| m.files.get(path));
        let is_recorded = recorded.is_some();
        let is_unchanged = match tree.look(path)? {
            Found::Nothing => {
                self.missing += usize::from(is_recorded);
                false
            }
            Found::File { content, mode } if self.old.is_some() && content == file.content => {
                file.executable == (mode & 0o111 != 0)
            }
            Found::File { content, .. } if self.knows(path, &content) => false,
            Found::File { .. } if is_recorded => return self.problem(path, true, EDITED),
            Found::File { .. } => {
                let why = "exists already and is not the overlay's: move it away";
                return self.problem(path, false, why);
            }
            Found::Unusable(why) => {
                let why = format!("the overlay's file cannot go there, {why}");
                return self.problem(path, false, &why);
            }
        };
        if is_unchanged {
            self.files_unchanged += 1;
            return Ok(());
        }
        self.files_written += 1;
        self.writes.push(Write {
            path: path.clone(),
            content: file.content.clone(),
            mode: None,
            executable: file.executable,
        });
        Ok(())
    }

    /// A file of the kernel, in which `forms` may be and `ours` should be.
    fn insertions(
        &mut self,
        tree: &Tree,
        path: &str,
        forms: &[Form],
        ours: &[&Insertion],
    ) -> Result<()> {
        let (full, mode) = match tree.look(path)? {
            Found::File { content, mode } => (content, mode),
            Found::Nothing if ours.is_empty() => return Ok(()),
            Found::Nothing => {
                let why = format!(
                    "not in this tree, so there is no anchor /{}/",
                    ours[0].anchor
                );
                return self.problem(path, false, &does_not_fit(&why));
            }
            Found::Unusable(why) => {
                return self.problem(path, false, &format!("lines cannot be inserted, {why}"));
            }
        };
        let Some(base) = insert::base(&full, forms) else {
            return self.problem(path, true, EDITED_LINES);
        };
        let form = Form::new(ours, &base);
        if forms.is_empty() && insert::take_out(&full, &form.groups).0 > 0 {
            let why = "has lines of the overlay already, not put there by it: take them out";
            return self.problem(path, false, why);
        }
        let content = match insert::put_in(&base, &form.groups) {
            Ok(content) => content,
            Err(why) => return self.problem(path, false, &does_not_fit(&why)),
        };
        self.insertions += ours.len();
        if full != base {
            let last = forms.last().map_or(0, |form| form.insertions);
            self.insertions_removed += last.saturating_sub(ours.len());
        } else if !forms.is_empty() {
            self.missing += 1;
        }
        if !ours.is_empty() {
            self.done.insertions.insert(path.to_string(), vec![form]);
        }
        if content != full {
            self.writes.push(Write {
                path: path.to_string(),
                content,
                mode: Some(mode),
                executable: false,
            });
        }
        Ok(())
    }

    fn dirs(&mut self, tree: &Tree, needed: BTreeSet<String>) {
        let old = self.old.as_ref().map(|old| old.dirs.clone());
        let old = old.unwrap_or_default();
        let is_new = |dir: &&String| !tree.root.join(dir).exists();
        self.mkdirs = needed.iter().filter(is_new).cloned().collect();
        self.done.dirs = &(&old & &needed) | &self.mkdirs;
        // The innermost first: a directory with something else in it is left to a later run.
        for dir in (&old - &needed).into_iter().rev() {
            let goes = |e: &String| self.rmdirs.contains(e) || self.deletes.contains(e);
            if needed.is_empty() || tree.entries(&dir).iter().all(goes) {
                self.rmdirs.insert(dir);
            } else {
                self.done.dirs.insert(dir);
            }
        }
    }

    /// Returns true if only the manifest has to change.
    fn is_empty(&self) -> bool {
        let dirs = self.mkdirs.is_empty() && self.rmdirs.is_empty();
        dirs && self.writes.is_empty() && self.deletes.is_empty()
    }

    /// One line for all problems: the first one, and the number of others.
    fn refuse(&self, tree: &Tree) -> Result<()> {
        let more = match self.problems.len() {
            0 => return Ok(()),
            1 => String::new(),
            n => format!(" (and {} more like this)", n - 1),
        };
        bail!("{}: {}{more}", tree.root.display(), self.problems[0].text)
    }

    /// Makes the changes; returns the directories that had to stay.
    fn carry_out(&self, tree: &Tree) -> Result<Vec<String>> {
        tree.remove_leftover()?;
        let is_reverted = self.done.files.is_empty() && self.done.insertions.is_empty();
        let is_recorded = match is_reverted {
            true => self.old.is_none(),
            false => !self.by_git && self.old.as_ref() == Some(&self.done),
        };
        if self.is_empty() && is_recorded {
            return Ok(Vec::new());
        }
        let old = self.old.clone().unwrap_or_default();
        tree.write_manifest(&old.or(&self.done))?;
        self.mkdirs.iter().try_for_each(|dir| tree.make_dir(dir))?;
        self.writes.iter().try_for_each(|file| tree.write(file))?;
        self.deletes.iter().try_for_each(|path| tree.delete(path))?;
        let mut kept = Vec::new();
        for dir in self.rmdirs.iter().rev() {
            if tree.remove_dir(dir)? {
                kept.push(dir.clone());
            }
        }
        match is_reverted {
            true => tree.delete(manifest::NAME)?,
            false => tree.write_manifest(&self.done)?,
        }
        Ok(kept)
    }
}

fn of_file<'a>(insertions: &'a [Insertion], path: &str) -> Vec<&'a Insertion> {
    insertions.iter().filter(|i| i.file == path).collect()
}

/// All directories above some files.
fn parents(files: &[OverlayFile]) -> BTreeSet<String> {
    let slashes = files
        .iter()
        .flat_map(|f| f.path.match_indices('/').map(|(at, _)| &f.path[..at]));
    slashes.map(str::to_string).collect()
}

/// The file with some insertions in it.
pub(crate) fn inserted(path: &str, base: &[u8], ours: &[&Insertion]) -> Result<Vec<u8>> {
    let inserted = insert::put_in(base, &insert::groups(ours));
    inserted.map_err(|why| anyhow!("{path}: {}", does_not_fit(&why)))
}
