// SPDX-License-Identifier: GPL-2.0

//! Compares a tree with the overlay and with what its manifest says, and works out what an apply
//! would have to change and everything that speaks against it, without changing anything.

use crate::insert::{self, Insertion, Misfit, Piece, Search};
use crate::manifest::{Form, Manifest, State, sha256};
use crate::tree::{Found, Tree};
use crate::write::{Changes, Like, Write};
use crate::{CONFIG, Overlay};
use anyhow::{Result, ensure};
use std::collections::BTreeSet;
use std::path::Path;

/// Why a tree cannot take the overlay as it is.
pub(crate) struct Problem {
    pub path: String,
    /// Something of ours that was edited, rather than something in its way.
    pub edited: bool,
    /// What is wrong and what to do.
    pub text: String,
}

pub(crate) struct Inspection {
    pub problems: Vec<Problem>,
    pub changes: Changes,
    /// The tree's manifest.
    pub old: Option<Manifest>,
    /// The manifest while the changes are made.
    pub during: Manifest,
    /// The manifest when they are.
    pub done: Manifest,
    pub files_written: usize,
    pub files_unchanged: usize,
    pub files_removed: usize,
    pub insertions: usize,
    /// All of our content is there, but no manifest.
    pub elsewhere: bool,
    /// Things the manifest says are there, and that are not.
    pub missing: usize,
}

/// A kernel file with insertions, seen through them.
pub(crate) enum Base {
    /// Its content without ours, and its mode.
    Clean {
        full: Vec<u8>,
        base: Vec<u8>,
        mode: u32,
    },
    /// It is not there.
    Missing,
    /// Somebody changed our lines.
    Edited,
    Unusable(String),
}

impl Overlay {
    /// Refuses a kernel that the overlay was not made for.
    pub(crate) fn check_version(&self, tree: &Tree) -> Result<()> {
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

    pub(crate) fn inspect(&self, tree: &Tree) -> Result<Inspection> {
        self.check_version(tree)?;
        let old = tree.manifest()?;
        let kernel = tree.version.full.clone();
        let mut during = old
            .clone()
            .unwrap_or_else(|| Manifest::new(State::Applying, kernel.clone()));
        (during.state, during.kernel) = (State::Applying, kernel.clone());
        let mut it = Inspection {
            problems: Vec::new(),
            changes: Changes::default(),
            old,
            during,
            done: Manifest::new(State::Applied, kernel),
            files_written: 0,
            files_unchanged: 0,
            files_removed: 0,
            insertions: 0,
            elsewhere: false,
            missing: 0,
        };
        let mut presence = Presence::default();
        for file in &self.files {
            self.inspect_file(tree, file, &mut it, &mut presence)?;
        }
        self.inspect_removed_files(tree, &mut it)?;
        self.inspect_insertions(tree, &mut it, &mut presence)?;
        self.inspect_dirs(tree, &mut it);
        it.elsewhere =
            it.old.is_none() && presence.found > 0 && presence.found == presence.expected;
        Ok(it)
    }

    fn inspect_file(
        &self,
        tree: &Tree,
        file: &crate::load::OverlayFile,
        it: &mut Inspection,
        presence: &mut Presence,
    ) -> Result<()> {
        let path = &file.path;
        let ours = sha256(&file.content);
        presence.expected += 1;
        it.done.files.insert(path.clone(), [ours.clone()].into());
        it.during
            .files
            .entry(path.clone())
            .or_default()
            .insert(ours.clone());
        let recorded = it.old.as_ref().is_some_and(|m| m.files.contains_key(path));
        let needs_write = match tree.look(path)? {
            Found::Unusable(why) => {
                it.problem(
                    path,
                    false,
                    format!("{path}: the overlay's file cannot go there, {why}"),
                );
                false
            }
            Found::Nothing => {
                it.missing += usize::from(recorded);
                true
            }
            Found::File { content, mode } => {
                let there = sha256(&content);
                presence.found += usize::from(there == ours);
                match &it.old {
                    None => {
                        it.problem(path, false, format!("{path}: exists already and was not put there by the overlay: move it away"));
                        false
                    }
                    Some(_) if there == ours => file.executable != (mode & 0o111 != 0),
                    Some(old) if old.knows(path, &there) => true,
                    Some(_) if recorded => {
                        it.problem(path, true, edited(path));
                        false
                    }
                    Some(_) => {
                        it.problem(path, false, format!("{path}: exists already with other content than the overlay's file: move it away"));
                        false
                    }
                }
            }
        };
        if needs_write {
            it.files_written += 1;
            let (path, content) = (path.clone(), file.content.clone());
            it.changes.writes.push(Write {
                path,
                content,
                like: Like::New {
                    executable: file.executable,
                },
            });
        } else {
            it.files_unchanged += 1;
        }
        Ok(())
    }

    /// Files that an older state of the repository put there.
    fn inspect_removed_files(&self, tree: &Tree, it: &mut Inspection) -> Result<()> {
        let Some(old) = it.old.clone() else {
            return Ok(());
        };
        let ours: BTreeSet<String> = it.done.files.keys().cloned().collect();
        for path in old.files.keys().filter(|path| !ours.contains(*path)) {
            match tree.look(path)? {
                Found::Nothing => {}
                Found::Unusable(why) => it.problem(
                    path,
                    true,
                    format!("{path}: the overlay's file is gone, {why}"),
                ),
                Found::File { content, .. } if old.knows(path, &sha256(&content)) => {
                    it.files_removed += 1;
                    it.changes.deletes.push(path.clone());
                }
                Found::File { .. } => it.problem(path, true, edited(path)),
            }
        }
        Ok(())
    }

    fn inspect_insertions(
        &self,
        tree: &Tree,
        it: &mut Inspection,
        presence: &mut Presence,
    ) -> Result<()> {
        let old_files = it.old.iter().flat_map(|m| m.insertions.keys().cloned());
        let files: BTreeSet<String> = self
            .insertion_files()
            .map(str::to_string)
            .chain(old_files)
            .collect();
        for path in &files {
            let ours: Vec<&Insertion> =
                self.insertions.iter().filter(|i| i.file == *path).collect();
            let forms = it
                .old
                .as_ref()
                .and_then(|m| m.insertions.get(path))
                .cloned()
                .unwrap_or_default();
            let (full, base, mode) = match base(tree, path, &forms)? {
                Base::Clean { full, base, mode } => (full, base, mode),
                Base::Missing if ours.is_empty() => continue,
                Base::Missing => {
                    let anchor = ours[0].anchor.as_str();
                    it.problem(path, false, format!("{path}: not in this tree, so there is no line for anchor /{anchor}/: use a kernel that fits, or adapt {CONFIG}"));
                    continue;
                }
                Base::Edited => {
                    it.problem(path, true, edited_lines(path));
                    continue;
                }
                Base::Unusable(why) => {
                    it.problem(
                        path,
                        false,
                        format!("{path}: lines cannot be inserted, {why}"),
                    );
                    continue;
                }
            };
            let placed = match insert::place(&base, &ours) {
                Ok(placed) => placed,
                Err(misfit) => {
                    presence.expected += 1;
                    it.problem(path, false, misfit_text(path, &misfit));
                    continue;
                }
            };
            if forms.is_empty() {
                let (found, expected) = insert::already_there(&full, &placed);
                presence.found += found;
                presence.expected += expected;
                if found > 0 {
                    it.problem(path, false, format!("{path}: has lines of the overlay already, not put there by it: take them out"));
                    continue;
                }
            }
            let pieces = insert::pieces(&base, placed);
            let target = insert::insert(&base, &pieces);
            if !ours.is_empty() {
                let form = Form {
                    base_sha256: sha256(&base),
                    sha256: sha256(&target),
                    insertions: ours.len(),
                    pieces,
                };
                let known = it.during.insertions.entry(path.clone()).or_default();
                if !known.contains(&form) {
                    known.push(form.clone());
                }
                it.done.insertions.insert(path.clone(), vec![form]);
                it.insertions += ours.len();
                it.missing += usize::from(!forms.is_empty() && full == base);
            }
            if target != full {
                it.changes.writes.push(Write {
                    path: path.clone(),
                    content: target,
                    like: Like::Old { mode },
                });
            }
        }
        Ok(())
    }

    fn inspect_dirs(&self, tree: &Tree, it: &mut Inspection) {
        let paths = self.files.iter().map(|f| Path::new(&f.path));
        let parents = paths
            .flat_map(|p| p.ancestors().skip(1))
            .filter(|p| *p != Path::new(""));
        let needed: BTreeSet<String> = parents.map(|p| p.to_string_lossy().into_owned()).collect();
        it.changes.mkdirs = needed
            .iter()
            .filter(|d| !tree.root.join(d).exists())
            .cloned()
            .collect();
        let old = it.old.as_ref().map(|m| m.dirs.clone()).unwrap_or_default();
        it.done.dirs = old
            .intersection(&needed)
            .chain(&it.changes.mkdirs)
            .cloned()
            .collect();
        it.during.dirs = old.union(&it.changes.mkdirs).cloned().collect();
        // The innermost first: what else is in a directory of ours keeps it, for a later run to remove.
        for dir in old.iter().rev().filter(|dir| !needed.contains(*dir)) {
            let goes = |entry: &String| {
                it.changes.rmdirs.contains(entry) || it.changes.deletes.contains(entry)
            };
            if tree.entries(dir).iter().all(goes) {
                it.changes.rmdirs.insert(dir.clone());
            } else {
                it.done.dirs.insert(dir.clone());
            }
        }
    }

    pub(crate) fn insertion_files(&self) -> impl Iterator<Item = &str> {
        let files: BTreeSet<&str> = self.insertions.iter().map(|i| i.file.as_str()).collect();
        files.into_iter()
    }
}

/// How much of the overlay's content a tree has.
#[derive(Default)]
struct Presence {
    found: usize,
    expected: usize,
}

impl Inspection {
    fn problem(&mut self, path: &str, edited: bool, text: String) {
        self.problems.push(Problem {
            path: path.to_string(),
            edited,
            text,
        });
    }
}

/// Reads a kernel file and takes our lines out of it, in the first of the recorded forms that fits.
pub(crate) fn base(tree: &Tree, path: &str, forms: &[Form]) -> Result<Base> {
    let (full, mode) = match tree.look(path)? {
        Found::Nothing => return Ok(Base::Missing),
        Found::Unusable(why) => return Ok(Base::Unusable(why)),
        Found::File { content, mode } => (content, mode),
    };
    let there = sha256(&full);
    if forms.is_empty() || forms.iter().any(|f| f.base_sha256 == there) {
        return Ok(Base::Clean {
            base: full.clone(),
            full,
            mode,
        });
    }
    let exact = |f: &Form| {
        if f.sha256 == there {
            insert::remove(&full, &f.pieces)
        } else {
            None
        }
    };
    if let Some(base) = forms.iter().find_map(exact) {
        return Ok(Base::Clean { full, base, mode });
    }
    // Edited somewhere, perhaps not where our lines are.
    let pieces: Vec<&[Piece]> = forms.iter().map(|f| f.pieces.as_slice()).collect();
    let searches: Vec<Search> = pieces.iter().map(|p| insert::search(&full, p)).collect();
    if searches.iter().all(|s| *s == Search::Absent) {
        return Ok(Base::Clean {
            base: full.clone(),
            full,
            mode,
        });
    }
    let removed = searches.into_iter().find_map(|s| {
        if let Search::Removed(base) = s {
            Some(base)
        } else {
            None
        }
    });
    Ok(removed.map_or(Base::Edited, |base| Base::Clean { full, base, mode }))
}

pub(crate) fn edited(path: &str) -> String {
    format!(
        "{path}: the overlay's file was edited in this tree: take the edit over into the repository or delete the file, then run this again"
    )
}

pub(crate) fn edited_lines(path: &str) -> String {
    format!(
        "{path}: the overlay's lines in it were edited in this tree: put them back as they were or restore the kernel's file, then run this again"
    )
}

pub(crate) fn misfit_text(path: &str, misfit: &Misfit) -> String {
    let Misfit { anchor, matches } = misfit;
    let found = if *matches == 0 {
        "not found".to_string()
    } else {
        format!("found {matches} times instead of once")
    };
    format!("{path}: anchor /{anchor}/ {found}: use a kernel that fits, or adapt {CONFIG}")
}
