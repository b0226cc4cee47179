// SPDX-License-Identifier: GPL-2.0

//! Everything in a directory, to compare before and after.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Dir,
    Link(std::path::PathBuf),
    File { executable: bool, content: Vec<u8> },
}

/// Paths with what is there, hidden files included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot(BTreeMap<String, Entry>);

impl Snapshot {
    pub fn of(root: &Path) -> Result<Self> {
        let mut entries = BTreeMap::new();
        visit(root, "", &mut entries)
            .with_context(|| format!("{}: cannot be read", root.display()))?;
        Ok(Self(entries))
    }

    /// Without one entry of the top directory and all below it.
    pub fn without(mut self, name: &str) -> Self {
        self.0
            .retain(|path, _| path.split('/').next() != Some(name));
        self
    }

    /// Fails with the first path that is not the same on both sides.
    pub fn same_as(&self, other: &Self) -> Result<()> {
        let paths = self.0.keys().chain(other.0.keys());
        let first = paths
            .into_iter()
            .find(|p| self.0.get(*p) != other.0.get(*p));
        let what = |side: &Self, path: &String| match side.0.get(path) {
            None => "nothing".to_string(),
            Some(Entry::Dir) => "a directory".to_string(),
            Some(Entry::Link(_)) => "a symbolic link".to_string(),
            Some(Entry::File {
                executable,
                content,
            }) => {
                format!(
                    "{}{} bytes",
                    if *executable { "executable, " } else { "" },
                    content.len()
                )
            }
        };
        if let Some(path) = first {
            ensure!(
                false,
                "{path}: {} instead of {}",
                what(self, path),
                what(other, path)
            );
        }
        Ok(())
    }
}

fn visit(dir: &Path, prefix: &str, entries: &mut BTreeMap<String, Entry>) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let meta = entry.metadata()?;
        let found = if meta.is_dir() {
            visit(&entry.path(), &format!("{path}/"), entries)?;
            Entry::Dir
        } else if meta.is_symlink() {
            Entry::Link(fs::read_link(entry.path())?)
        } else {
            let executable = meta.permissions().mode() & 0o111 != 0;
            Entry::File {
                executable,
                content: fs::read(entry.path())?,
            }
        };
        entries.insert(path, found);
    }
    Ok(())
}

/// Inode and modification time of every file: equal means that nothing was written.
pub(crate) fn stamps(root: &Path) -> Result<BTreeMap<std::path::PathBuf, (u64, i64, i64)>> {
    let mut stamps = BTreeMap::new();
    let mut dirs = vec![root.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            if meta.is_dir() {
                dirs.push(entry.path());
            }
            stamps.insert(entry.path(), (meta.ino(), meta.mtime(), meta.mtime_nsec()));
        }
    }
    Ok(stamps)
}
