// SPDX-License-Identifier: GPL-2.0

//! Changes to a tree, each one whole or not at all.
//!
//! A file is written beside the manifest and renamed into place: whoever reads sees the old file or
//! the new one, a hard-linked copy elsewhere keeps its content, and an interrupted run leaves one
//! temporary file at most, under a name that the next run removes.

use crate::manifest::{self, Manifest};
use crate::tree::Tree;
use anyhow::{Context, Result, ensure};
use rustix::fs as rfs;
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

const TEMPORARY: &str = ".rust-vma-overlay.tmp";

/// Left beside the manifest, the temporary files and the directory entries.
const SLACK: u64 = 256 * 1024;

/// What tests change about the world.
#[derive(Clone, Copy, Default)]
pub(crate) struct Hooks {
    /// Free space to believe in.
    pub free_bytes: Option<u64>,
    /// Many runs after each other need not wait for the disk.
    pub skip_sync: bool,
    /// The change before which the run ends, and how.
    pub stop: Option<(usize, Stop)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// As if the process had been killed: nothing is done after it.
    Kill,
    /// An error, such as a disk that has just become full.
    Error,
}

/// Ends a run as [`Stop`] says.
#[derive(Debug)]
pub(crate) struct Stopped(Stop);

impl std::error::Error for Stopped {}
impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped by a test")
    }
}

/// Whether an error is a killed run's, which can clean up nothing.
pub(crate) fn was_killed(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<Stopped>()
        .is_some_and(|s| s.0 == Stop::Kill)
}

/// What a file is made like.
pub(crate) enum Like {
    New {
        executable: bool,
    },
    /// Mode and owner of the file it replaces.
    Old {
        mode: u32,
    },
}

pub(crate) struct Write {
    pub path: String,
    pub content: Vec<u8>,
    pub like: Like,
}

/// The sum of what a run is going to change.
#[derive(Default)]
pub(crate) struct Changes {
    pub mkdirs: BTreeSet<String>,
    pub writes: Vec<Write>,
    pub deletes: Vec<String>,
    pub rmdirs: BTreeSet<String>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.mkdirs.is_empty() && self.writes.is_empty() && self.deletes.is_empty()
    }

    /// Refuses what the file system would refuse half-way.
    pub fn check(&self, tree: &Tree, manifest: &Manifest, hooks: &Hooks) -> Result<()> {
        let parent = |path: &String| {
            Path::new(path)
                .parent()
                .unwrap_or(Path::new(""))
                .to_path_buf()
        };
        let changed = self
            .writes
            .iter()
            .map(|w| &w.path)
            .chain(&self.deletes)
            .chain(&self.mkdirs)
            .chain(&self.rmdirs);
        let dirs: BTreeSet<PathBuf> = changed.map(parent).chain([PathBuf::new()]).collect();
        for dir in dirs
            .iter()
            .map(|d| tree.root.join(d))
            .filter(|d| d.is_dir())
        {
            rfs::access(&dir, rfs::Access::WRITE_OK | rfs::Access::EXEC_OK).with_context(|| {
                format!(
                    "{}: cannot be written to: make it writable or use another tree",
                    dir.display()
                )
            })?;
        }
        let blocks = |len: usize| (len as u64).div_ceil(4096) * 4096;
        let needed = SLACK
            + self
                .writes
                .iter()
                .map(|w| blocks(w.content.len()))
                .sum::<u64>()
            + self.mkdirs.len() as u64 * 4096
            + 2 * blocks(manifest.to_bytes().len());
        let stat = rfs::statvfs(&tree.root)
            .with_context(|| format!("{}: cannot be looked at", tree.root.display()))?;
        let free = hooks.free_bytes.unwrap_or(stat.f_bavail * stat.f_frsize);
        ensure!(
            needed <= free,
            "{}: {} KiB free, {} KiB needed: make room on that file system",
            tree.root.display(),
            free / 1024,
            needed.div_ceil(1024)
        );
        Ok(())
    }
}

/// Carries changes out, one step at a time.
pub(crate) struct Writer<'a> {
    tree: &'a Tree,
    hooks: Hooks,
    steps: usize,
    owner: Option<(u32, u32)>,
}

impl<'a> Writer<'a> {
    pub fn new(tree: &'a Tree, hooks: &Hooks) -> Result<Self> {
        // Root working in somebody's tree must not leave files that they cannot change.
        let owner = match rustix::process::geteuid().is_root() {
            true => Some(fs::metadata(&tree.root).map(|m| (m.uid(), m.gid()))?),
            false => None,
        };
        let writer = Self {
            tree,
            hooks: *hooks,
            steps: 0,
            owner,
        };
        writer.remove_leftover()?;
        Ok(writer)
    }

    fn step(&mut self) -> Result<()> {
        self.steps += 1;
        match self.hooks.stop {
            Some((at, stop)) if at == self.steps => Err(Stopped(stop).into()),
            _ => Ok(()),
        }
    }

    pub fn run(&mut self, changes: &Changes) -> Result<()> {
        for dir in &changes.mkdirs {
            self.mkdir(dir)?;
        }
        for write in &changes.writes {
            self.write(write)?;
        }
        for path in &changes.deletes {
            self.delete(path)?;
        }
        Ok(())
    }

    /// Removes directories of ours, the innermost first; returns those that are not empty.
    pub fn remove_dirs(&mut self, dirs: &BTreeSet<String>) -> Result<Vec<String>> {
        let mut kept = Vec::new();
        for dir in dirs.iter().rev().filter(|dir| self.tree.has_dir(dir)) {
            self.step()?;
            match fs::remove_dir(self.tree.root.join(dir)) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => kept.push(dir.clone()),
                Err(e) => return Err(e).with_context(|| format!("{dir}: cannot be removed")),
            }
        }
        Ok(kept)
    }

    pub fn manifest(&mut self, manifest: &Manifest) -> Result<()> {
        let (path, content) = (manifest::NAME.to_string(), manifest.to_bytes());
        self.write(&Write {
            path,
            content,
            like: Like::New { executable: false },
        })
    }

    pub fn delete(&mut self, path: &str) -> Result<()> {
        self.step()?;
        absent_is_fine(fs::remove_file(self.tree.root.join(path)))
            .with_context(|| format!("{path}: cannot be removed"))
    }

    fn mkdir(&mut self, dir: &str) -> Result<()> {
        self.step()?;
        let path = self.tree.root.join(dir);
        match fs::create_dir(&path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            made => made.with_context(|| format!("{dir}: cannot be made"))?,
        }
        self.give(&path, None);
        Ok(())
    }

    fn write(&mut self, write: &Write) -> Result<()> {
        let temporary = self.tree.root.join(TEMPORARY);
        let target = self.tree.root.join(&write.path);
        self.step()?;
        let put = || -> io::Result<()> {
            let executable = matches!(write.like, Like::New { executable: true });
            let mode = if executable { 0o777 } else { 0o666 };
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(&temporary)?;
            file.write_all(&write.content)?;
            if let Like::Old { mode } = write.like {
                self.give(
                    &temporary,
                    fs::symlink_metadata(&target)
                        .ok()
                        .map(|m| (m.uid(), m.gid())),
                );
                file.set_permissions(Permissions::from_mode(mode))?;
            } else {
                self.give(&temporary, None);
            }
            if write.path == manifest::NAME && !self.hooks.skip_sync {
                file.sync_data()?;
            }
            Ok(())
        };
        put().with_context(|| format!("{}: cannot be written", write.path))?;
        self.step()?;
        fs::rename(&temporary, &target)
            .with_context(|| format!("{}: cannot be put in place", write.path))
    }

    /// Hands a new file or directory to the tree's owner, where that is possible.
    fn give(&self, path: &Path, owner: Option<(u32, u32)>) {
        if let (Some(tree), given) = (self.owner, owner) {
            let (uid, gid) = given.unwrap_or(tree);
            let _ = chown(path, Some(uid), Some(gid));
        }
    }

    /// Removes the temporary file of a run that did not come to its end.
    pub fn remove_leftover(&self) -> Result<()> {
        absent_is_fine(fs::remove_file(self.tree.root.join(TEMPORARY))).with_context(|| {
            format!(
                "{}: left by an interrupted run, cannot be removed",
                self.tree.root.join(TEMPORARY).display()
            )
        })
    }
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
