// SPDX-License-Identifier: GPL-2.0

//! A kernel source tree as the overlay sees it: its version, and files reached without ever
//! following a symbolic link.

use crate::manifest::{self, Manifest};
use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub(crate) struct Tree {
    pub root: PathBuf,
    pub version: Version,
    /// File system that everything has to be on, for a rename from the root to work.
    pub device: u64,
    pub lock: File,
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

/// What is at a path.
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
    pub fn open(kdir: &Path, access: Access) -> Result<Self> {
        let shown = kdir.display();
        let root = match fs::canonicalize(kdir) {
            Ok(root) => root,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                bail!("{shown}: no such directory: give a kernel source tree with KDIR=")
            }
            Err(e) => return Err(e).with_context(|| format!("{shown}: cannot be opened")),
        };
        let version = kernel_version(&root)?;
        let open = || -> io::Result<_> { Ok((fs::metadata(&root)?.dev(), File::open(&root)?)) };
        let (device, lock) = open().with_context(|| format!("{shown}: cannot be opened"))?;
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
            device,
            lock,
        })
    }

    /// Looks at a path of the tree without following a symbolic link anywhere in it.
    pub fn look(&self, path: &str) -> Result<Found> {
        let mut at = self.root.clone();
        let mut parts = Path::new(path).iter().peekable();
        let mut sofar = PathBuf::new();
        while let Some(part) = parts.next() {
            at.push(part);
            sofar.push(part);
            let meta = match fs::symlink_metadata(&at) {
                Ok(meta) => meta,
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
                Err(e) => {
                    return Err(e)
                        .with_context(|| format!("{}: cannot be looked at", at.display()));
                }
            };
            let (kind, last, sofar) = (meta.file_type(), parts.peek().is_none(), sofar.display());
            let unusable = |why: String| Ok(Found::Unusable(why));
            if kind.is_symlink() {
                return unusable(format!(
                    "{sofar} is a symbolic link: put a real {} there",
                    if last { "file" } else { "directory" }
                ));
            }
            if !last && !kind.is_dir() || last && !kind.is_file() {
                return unusable(format!(
                    "{sofar} is not a {}: move it away",
                    if last { "regular file" } else { "directory" }
                ));
            }
            if meta.dev() != self.device {
                return unusable(format!(
                    "{sofar} is on another file system than the tree: use a tree in one piece"
                ));
            }
            if last {
                let content =
                    fs::read(&at).with_context(|| format!("{}: cannot be read", at.display()))?;
                return Ok(Found::File {
                    content,
                    mode: meta.mode() & 0o7777,
                });
            }
        }
        Ok(Found::Nothing)
    }

    /// Whether this is a directory of the tree, reached without a symbolic link.
    pub fn has_dir(&self, path: &str) -> bool {
        let mut at = self.root.clone();
        Path::new(path).iter().all(|part| {
            at.push(part);
            fs::symlink_metadata(&at).is_ok_and(|meta| meta.is_dir())
        })
    }

    /// Paths of what is in a directory; nothing, if it is none.
    pub fn entries(&self, dir: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root.join(dir))
            .into_iter()
            .flatten()
            .flatten();
        entries
            .map(|entry| format!("{dir}/{}", entry.file_name().to_string_lossy()))
            .collect()
    }

    pub fn manifest(&self) -> Result<Option<Manifest>> {
        match self.look(manifest::NAME)? {
            Found::Nothing => Ok(None),
            Found::File { content, .. } => Manifest::parse(&content)
                .map(Some)
                .with_context(|| self.root.display().to_string()),
            Found::Unusable(why) => bail!("{}: {why}", self.root.display()),
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
        let of = |line: &str| {
            Some(
                line.strip_prefix(name)?
                    .trim_start()
                    .strip_prefix('=')?
                    .trim()
                    .to_string(),
            )
        };
        makefile.lines().take(20).find_map(of)
    };
    let number =
        |name: &str| value(name).filter(|v| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit()));
    let whole = ["Kbuild", "Kconfig"]
        .iter()
        .all(|name| kdir.join(name).is_file());
    let (Some(version), Some(patchlevel), true) = (number("VERSION"), number("PATCHLEVEL"), whole)
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
    let sublevel = number("SUBLEVEL")
        .filter(|s| s != "0")
        .map(|s| format!(".{s}"));
    let full = format!(
        "{series}{}{}",
        sublevel.unwrap_or_default(),
        value("EXTRAVERSION").unwrap_or_default()
    );
    Ok(Version { series, full })
}
