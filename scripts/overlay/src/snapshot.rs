// SPDX-License-Identifier: GPL-2.0

//! Everything in a directory, to compare before and after. Git's own files are left out.

use anyhow::{Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Paths with the kind of file and its content, hidden files included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot(BTreeMap<PathBuf, (&'static str, Vec<u8>)>);

impl Snapshot {
    pub fn of(root: &Path) -> Result<Self> {
        let read = |entry: DirEntry| {
            let (path, kind) = (entry.path(), entry.file_type());
            let found = if kind.is_dir() {
                ("a directory", Vec::new())
            } else if kind.is_symlink() {
                let target = fs::read_link(path)?;
                ("a symbolic link", target.into_os_string().into_vec())
            } else if entry.metadata()?.permissions().mode() & 0o111 != 0 {
                ("an executable file", fs::read(path)?)
            } else {
                ("a file", fs::read(path)?)
            };
            Ok((path.strip_prefix(root)?.to_path_buf(), found))
        };
        walk(root, read).map(Self)
    }

    /// Removes a path.
    pub fn without(mut self, path: &str) -> Self {
        self.0.remove(Path::new(path));
        self
    }

    #[cfg(test)]
    pub fn paths(&self) -> String {
        let paths: Vec<_> = self.0.keys().map(|path| path.to_string_lossy()).collect();
        paths.join("\n")
    }

    /// Fails with the first path that is not the same on both sides.
    pub fn same_as(&self, other: &Self) -> Result<()> {
        let mut paths = self.0.keys().chain(other.0.keys());
        let Some(path) = paths.find(|path| self.0.get(*path) != other.0.get(*path)) else {
            return Ok(());
        };
        let [here, there] = [self, other].map(|side| match side.0.get(path) {
            None => "nothing".to_string(),
            Some((kind, content)) => format!("{kind} of {} bytes", content.len()),
        });
        bail!("{}: {here} instead of {there}", path.display())
    }
}

/// The inode and the modification time of every file: equal means that nothing was written.
pub(crate) type Stamps = BTreeMap<PathBuf, (u64, i64, i64)>;

pub(crate) fn stamps(root: &Path) -> Result<Stamps> {
    walk(root, |entry| {
        let meta = entry.metadata()?;
        let stamp = (meta.ino(), meta.mtime(), meta.mtime_nsec());
        Ok((entry.into_path(), stamp))
    })
}

fn walk<T>(
    root: &Path,
    read: impl Fn(DirEntry) -> Result<(PathBuf, T)>,
) -> Result<BTreeMap<PathBuf, T>> {
    let entries = WalkDir::new(root).min_depth(1).into_iter();
    let entries = entries.filter_entry(|entry| entry.file_name() != ".git");
    entries.map(|entry| read(entry?)).collect()
}
