// SPDX-License-Identifier: GPL-2.0

//! A kernel source tree: its version, files that are reached without following a symbolic link, and
//! changes of which each is whole or not there.
//!
//! A file is written beside the manifest and renamed into place: a reader sees the old file or the
//! new one, a hard-linked copy elsewhere keeps its content, and an interrupted run leaves one
//! temporary file at most, under a name that the next run removes.

use crate::manifest::{self, Manifest};
use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::cell::Cell;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

const TEMPORARY: &str = ".rust-vma-overlay.tmp";

pub(crate) struct Tree {
    pub root: PathBuf,
    pub version: Version,
    pub lock: File,
    hooks: Hooks,
    steps: Cell<usize>,
}

/// Hooks for tests.
#[derive(Clone, Copy, Default)]
pub(crate) struct Hooks {
    /// Many runs in a row need not wait for the disk.
    pub skip_sync: bool,
    /// The change before which the run ends, and how.
    pub stop: Option<(usize, Stop)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// As if the process had been killed: nothing is done after it.
    Kill,
    /// An error, such as a full disk.
    Error,
}

/// Ends a run as [`Stop`] says.
#[derive(Debug)]
pub(crate) struct Stopped(pub Stop);

impl std::error::Error for Stopped {}
impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped by a test")
    }
}

/// A file to write.
pub(crate) struct Write {
    pub path: String,
    pub content: Vec<u8>,
    /// The mode of the file that is replaced, whose owner is kept, too.
    pub mode: Option<u32>,
    pub executable: bool,
}

/// How much a run needs the tree for itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// A kernel's version, from the top Makefile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// `7.3`
    pub series: String,
    /// `7.3.4` with what EXTRAVERSION adds
    pub full: String,
}

/// The kind of file at a path.
pub(crate) enum Found {
    Nothing,
    File {
        content: Vec<u8>,
        mode: u32,
    },
    /// Something the overlay must not touch; why.
    Unusable(String),
}

impl Tree {
    pub fn open(kdir: &Path, access: Access, hooks: Hooks) -> Result<Self> {
        let shown = kdir.display();
        let cannot = || format!("{shown}: cannot be opened");
        if !fs::exists(kdir).with_context(cannot)? {
            bail!("{shown}: no such directory: give a kernel source tree with KDIR=");
        }
        let root = fs::canonicalize(kdir).with_context(cannot)?;
        let version = kernel_version(&root)?;
        let lock = File::open(&root).with_context(cannot)?;
        let operation = match access {
            Access::Read => FlockOperation::NonBlockingLockShared,
            Access::Write => FlockOperation::NonBlockingLockExclusive,
        };
        // A file system without locks is no reason not to work on it.
        if flock(&lock, operation) == Err(Errno::WOULDBLOCK) {
            bail!("{shown}: another run is working on this tree: wait for it to end");
        }
        Ok(Self {
            root,
            version,
            lock,
            hooks,
            steps: Cell::new(0),
        })
    }

    /// Looks at a path of the tree without following a symbolic link anywhere in it.
    pub fn look(&self, path: &str) -> Result<Found> {
        let cannot = || format!("{path}: cannot be read");
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            let part = &path[..end];
            let at = self.root.join(part);
            let meta = match fs::symlink_metadata(&at) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
                meta => meta.with_context(cannot)?,
            };
            let (kind, is_last) = (meta.file_type(), end == path.len());
            let wanted = if is_last { "file" } else { "directory" };
            if kind.is_symlink() {
                let why = format!("{part} is a symbolic link: put a real {wanted} there");
                return Ok(Found::Unusable(why));
            }
            if kind.is_file() && is_last {
                let (content, mode) = (fs::read(&at).with_context(cannot)?, meta.mode() & 0o7777);
                return Ok(Found::File { content, mode });
            }
            if !kind.is_dir() || is_last {
                let wanted = if is_last { "regular file" } else { wanted };
                return Ok(Found::Unusable(format!(
                    "{part} is not a {wanted}: move it away"
                )));
            }
        }
        Ok(Found::Nothing)
    }

    /// Returns true if this is a directory of the tree, reached without a symbolic link.
    pub fn has_dir(&self, path: &str) -> bool {
        let mut at = self.root.clone();
        Path::new(path).iter().all(|part| {
            at.push(part);
            fs::symlink_metadata(&at).is_ok_and(|meta| meta.is_dir())
        })
    }

    /// Paths of what is in a directory; nothing, if it is none.
    pub fn entries(&self, dir: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root.join(dir));
        let names = entries
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name());
        names
            .map(|name| format!("{dir}/{}", name.to_string_lossy()))
            .collect()
    }

    pub fn manifest(&self) -> Result<Option<Manifest>> {
        let shown = || self.root.display().to_string();
        match self.look(manifest::NAME)? {
            Found::Nothing => Ok(None),
            Found::File { content, .. } => Manifest::parse(&content).map(Some).with_context(shown),
            Found::Unusable(why) => bail!("{}: {why}", shown()),
        }
    }

    fn step(&self) -> Result<()> {
        self.steps.set(self.steps.get() + 1);
        match self.hooks.stop {
            Some((at, stop)) if at == self.steps.get() => Err(Stopped(stop).into()),
            _ => Ok(()),
        }
    }

    pub fn write_manifest(&self, manifest: &Manifest) -> Result<()> {
        self.write(&Write {
            path: manifest::NAME.to_string(),
            content: manifest.to_bytes(),
            mode: None,
            executable: false,
        })
    }

    pub fn write(&self, write: &Write) -> Result<()> {
        let (temporary, target) = (self.root.join(TEMPORARY), self.root.join(&write.path));
        self.step()?;
        let put = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            options
                .write(true)
                .create_new(true)
                .mode(if write.executable { 0o777 } else { 0o666 });
            let mut file = options.open(&temporary)?;
            file.write_all(&write.content)?;
            self.give(&temporary, write.mode.map_or(&self.root, |_| &target));
            if let Some(mode) = write.mode {
                file.set_permissions(Permissions::from_mode(mode))?;
            }
            if write.path == manifest::NAME && !self.hooks.skip_sync {
                file.sync_data()?;
            }
            Ok(())
        };
        put().with_context(|| format!("{}: cannot be written", write.path))?;
        self.step()?;
        let renamed = fs::rename(&temporary, &target);
        renamed.with_context(|| format!("{}: cannot be put in place", write.path))
    }

    pub fn make_dir(&self, dir: &str) -> Result<()> {
        self.step()?;
        let path = self.root.join(dir);
        match fs::create_dir(&path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            made => made.with_context(|| format!("{dir}: cannot be made"))?,
        }
        self.give(&path, &self.root);
        Ok(())
    }

    pub fn delete(&self, path: &str) -> Result<()> {
        self.step()?;
        self.remove(path)
    }

    /// Removes the temporary file of an interrupted run.
    pub fn remove_leftover(&self) -> Result<()> {
        self.remove(TEMPORARY)
    }

    fn remove(&self, path: &str) -> Result<()> {
        match fs::remove_file(self.root.join(path)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.with_context(|| format!("{path}: cannot be removed")),
        }
    }

    /// Removes a directory; returns whether it stays because it is not empty.
    pub fn remove_dir(&self, dir: &str) -> Result<bool> {
        if !self.has_dir(dir) {
            return Ok(false);
        }
        self.step()?;
        match fs::remove_dir(self.root.join(dir)) {
            Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(true),
            removed => removed
                .map(|()| false)
                .with_context(|| format!("{dir}: cannot be removed")),
        }
    }

    /// Root in somebody's tree must not leave files that they cannot change.
    fn give(&self, path: &Path, like: &Path) {
        if let (true, Ok(like)) = (rustix::process::geteuid().is_root(), fs::metadata(like)) {
            let _ = chown(path, Some(like.uid()), Some(like.gid()));
        }
    }
}

impl Drop for Tree {
    /// Closing would not do: a child process that another thread is just starting has the file open, too.
    fn drop(&mut self) {
        let _ = flock(&self.lock, FlockOperation::Unlock);
    }
}

/// Reads a kernel source tree's version from its top Makefile.
pub fn kernel_version(kdir: &Path) -> Result<Version> {
    let shown = kdir.display();
    let makefile = fs::read(kdir.join("Makefile")).unwrap_or_default();
    let makefile = String::from_utf8_lossy(&makefile);
    let value = |name: &str| {
        let mut lines = makefile
            .lines()
            .take(20)
            .filter_map(|line| line.split_once('='));
        lines.find_map(|(key, value)| (key.trim_end() == name).then(|| value.trim().to_string()))
    };
    let number = |name: &str| value(name)?.parse::<u32>().ok();
    let is_whole = ["Kbuild", "Kconfig"]
        .iter()
        .all(|name| kdir.join(name).is_file());
    let (Some(version), Some(patchlevel), true) =
        (number("VERSION"), number("PATCHLEVEL"), is_whole)
    else {
        if kdir.join("source").is_symlink() && kdir.join("Makefile").is_file() {
            bail!(
                "{shown}: a build directory (O=), not a kernel source tree: give the source tree with KDIR="
            );
        }
        bail!(
            "{shown}: not a kernel source tree (no Kbuild, Kconfig and Makefile with VERSION and PATCHLEVEL): give one with KDIR="
        );
    };
    let series = format!("{version}.{patchlevel}");
    let sublevel = match number("SUBLEVEL").unwrap_or(0) {
        0 => String::new(),
        n => format!(".{n}"),
    };
    let extra = value("EXTRAVERSION").unwrap_or_default();
    Ok(Version {
        full: format!("{series}{sublevel}{extra}"),
        series,
    })
}
