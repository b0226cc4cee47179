// SPDX-License-Identifier: GPL-2.0

//! One run at a time where two would spoil each other's work: a lock on a file that holds the owner's process id, and
//! that the system lets go of when the owner ends, however it ends.

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// Held until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock. The error names the process that holds it.
    pub fn take(path: &Path, what: &str) -> Result<Self> {
        let cannot = || format!("{}: cannot be locked", path.display());
        fs::create_dir_all(path.parent().unwrap_or(path)).with_context(cannot)?;
        let mut options = File::options();
        options.create(true).read(true).write(true).truncate(false);
        let mut file = options.open(path).with_context(cannot)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                file.set_len(0).with_context(cannot)?;
                write!(file, "{}", std::process::id()).with_context(cannot)?;
                Ok(Self { _file: file })
            }
            Err(Errno::WOULDBLOCK) => {
                let owner = std::io::read_to_string(&file).unwrap_or_default();
                let owner = if owner.is_empty() { "unknown" } else { &*owner };
                bail!("{what} is in use by another run (process {owner}): wait until it has ended")
            }
            Err(e) => Err(e).with_context(cannot),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn the_second_is_told_who_is_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/.lock");
        let first = Lock::take(&path, "build").unwrap();
        let error = Lock::take(&path, "build").unwrap_err().to_string();
        assert!(
            error.contains(&format!("process {}", std::process::id())),
            "{error}"
        );
        drop(first);
        // A child that another test is starting has the file open until it executes its program.
        let begin = Instant::now();
        while let Err(error) = Lock::take(&path, "build") {
            assert!(begin.elapsed() < Duration::from_secs(10), "{error}");
        }
    }
}
