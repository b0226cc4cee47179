// SPDX-License-Identifier: GPL-2.0

//! Apply, revert and status: what an inspection found, carried out or put into words.

use crate::inspect::{self, Base, Inspection};
use crate::manifest::{self, Manifest, State, sha256};
use crate::tree::{Access, Found, Tree};
use crate::write::{Changes, Hooks, Like, Write, Writer, was_killed};
use crate::{Applied, Overlay, Reverted, Status};
use anyhow::{Context, Result, anyhow, bail};
use std::path::Path;

const ELSEWHERE: &str = "has the overlay's content without its manifest, as after git am of the series: undo that with git first";

impl Overlay {
    pub(crate) fn apply_with(&self, kdir: &Path, hooks: &Hooks) -> Result<Applied> {
        let tree = Tree::open(kdir, Access::Write)?;
        let it = self.inspect(&tree)?;
        if it.elsewhere {
            bail!("{}: {ELSEWHERE}", tree.root.display());
        }
        refuse(
            &tree,
            &it.problems
                .iter()
                .map(|p| p.text.as_str())
                .collect::<Vec<_>>(),
        )?;
        let nothing_to_do = it.changes.is_empty()
            && it.changes.rmdirs.is_empty()
            && it.old.as_ref() == Some(&it.done);
        if nothing_to_do {
            Writer::new(&tree, hooks)?;
        } else {
            it.changes.check(&tree, &it.during, hooks)?;
            if let Err(error) = carry_out(&tree, &it, hooks) {
                return Err(self.after_failure(&tree, &it, error));
            }
        }
        Ok(Applied {
            version: tree.version.full.clone(),
            files_written: it.files_written,
            files_unchanged: it.files_unchanged,
            files_removed: it.files_removed,
            insertions: it.insertions,
            nothing_to_do,
        })
    }

    /// Puts a tree back that was pristine before an apply failed; says what state it is in.
    fn after_failure(&self, tree: &Tree, it: &Inspection, error: anyhow::Error) -> anyhow::Error {
        if was_killed(&error) {
            return error;
        }
        let undone = it.old.is_none() && self.undo(tree, &it.during, &Hooks::default()).is_ok();
        let state = match undone {
            true => "the tree is as it was before",
            false => "the tree is half-way: remove the cause, then apply again or revert",
        };
        anyhow!("{}: {error:#}: {state}", tree.root.display())
    }

    pub(crate) fn revert_with(&self, kdir: &Path, hooks: &Hooks) -> Result<Reverted> {
        let tree = Tree::open(kdir, Access::Write)?;
        match tree.manifest()? {
            Some(manifest) => self.undo(&tree, &manifest, hooks),
            None => {
                if self.inspect(&tree).is_ok_and(|it| it.elsewhere) {
                    bail!("{}: {ELSEWHERE}", tree.root.display());
                }
                Writer::new(&tree, hooks)?;
                Ok(Reverted {
                    files_removed: 0,
                    insertions_removed: 0,
                    dirs_kept: Vec::new(),
                    nothing_to_do: true,
                })
            }
        }
    }

    /// Takes out what a manifest says was, or may have been, put in.
    fn undo(&self, tree: &Tree, manifest: &Manifest, hooks: &Hooks) -> Result<Reverted> {
        let mut changes = Changes::default();
        let mut problems = Vec::new();
        let mut insertions_removed = 0;
        for (path, forms) in &manifest.insertions {
            match inspect::base(tree, path, forms)? {
                Base::Missing => {}
                Base::Edited => problems.push(inspect::edited_lines(path)),
                Base::Unusable(why) => {
                    problems.push(format!("{path}: lines cannot be taken out, {why}"))
                }
                Base::Clean { full, base, .. } if full == base => {}
                Base::Clean { base, mode, .. } => {
                    insertions_removed += forms.last().map_or(0, |f| f.insertions);
                    changes.writes.push(Write {
                        path: path.clone(),
                        content: base,
                        like: Like::Old { mode },
                    });
                }
            }
        }
        for path in manifest.files.keys() {
            match tree.look(path)? {
                Found::Nothing => {}
                Found::Unusable(why) => {
                    problems.push(format!("{path}: the overlay's file is gone, {why}"))
                }
                Found::File { content, .. } => {
                    let there = sha256(&content);
                    let ours = self
                        .files
                        .iter()
                        .any(|f| f.path == *path && sha256(&f.content) == there);
                    if ours || manifest.knows(path, &there) {
                        changes.deletes.push(path.clone());
                    } else {
                        problems.push(inspect::edited(path));
                    }
                }
            }
        }
        changes.rmdirs = manifest.dirs.clone();
        refuse(
            tree,
            &problems.iter().map(String::as_str).collect::<Vec<_>>(),
        )?;
        changes.check(tree, manifest, hooks)?;

        let mut writer = Writer::new(tree, hooks)?;
        let mut during = manifest.clone();
        during.state = State::Reverting;
        let mut dirs_kept = Vec::new();
        let mut run = || -> Result<()> {
            writer.manifest(&during)?;
            writer.run(&changes)?;
            dirs_kept = writer.remove_dirs(&changes.rmdirs)?;
            writer.delete(manifest::NAME)
        };
        run().with_context(|| {
            format!(
                "{}: half-way reverted: remove the cause, then revert again",
                tree.root.display()
            )
        })?;
        Ok(Reverted {
            files_removed: changes.deletes.len(),
            insertions_removed,
            dirs_kept,
            nothing_to_do: false,
        })
    }

    pub(crate) fn status_of(&self, kdir: &Path) -> Result<Status> {
        let tree = Tree::open(kdir, Access::Read)?;
        let it = self.inspect(&tree)?;
        if it.elsewhere {
            return Ok(Status::AppliedElsewhere);
        }
        let (edited, conflicts): (Vec<_>, Vec<_>) = it.problems.into_iter().partition(|p| p.edited);
        if !conflicts.is_empty() {
            return Ok(Status::Conflict(
                conflicts.into_iter().map(|p| p.text).collect(),
            ));
        }
        if !edited.is_empty() {
            return Ok(Status::Edited(edited.into_iter().map(|p| p.path).collect()));
        }
        Ok(match &it.old {
            None => Status::Pristine,
            Some(old) if old.state != State::Applied || it.missing > 0 => Status::Partial,
            Some(_) if !it.changes.is_empty() => Status::Stale,
            Some(_) => Status::Applied,
        })
    }
}

fn carry_out(tree: &Tree, it: &Inspection, hooks: &Hooks) -> Result<()> {
    let mut writer = Writer::new(tree, hooks)?;
    writer.manifest(&it.during)?;
    writer.run(&it.changes)?;
    writer.remove_dirs(&it.changes.rmdirs)?;
    writer.manifest(&it.done)
}

/// One line for everything that speaks against it: the first problem, and how many more there are.
fn refuse(tree: &Tree, problems: &[&str]) -> Result<()> {
    match problems {
        [] => Ok(()),
        [only] => bail!("{}: {only}", tree.root.display()),
        [first, rest @ ..] => bail!(
            "{}: {first} (and {} more like this)",
            tree.root.display(),
            rest.len()
        ),
    }
}
