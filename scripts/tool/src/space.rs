// SPDX-License-Identifier: GPL-2.0

//! Room on the disk, asked for before it is needed.

use anyhow::{Context, Result, bail};
use std::path::Path;

/// Refuses when the file system of `dir`, or of its nearest parent that exists, has less than `needed` MiB.
pub fn require(dir: &Path, needed: u64, purpose: &str) -> Result<()> {
    let there = dir
        .ancestors()
        .find(|d| d.exists())
        .unwrap_or(Path::new("/"));
    let stat = rustix::fs::statvfs(there)
        .with_context(|| format!("{}: cannot be looked at", there.display()))?;
    compare(
        dir,
        needed,
        stat.f_bavail.saturating_mul(stat.f_frsize) >> 20,
        purpose,
    )
}

fn compare(dir: &Path, needed: u64, free: u64, purpose: &str) -> Result<()> {
    if free < needed {
        bail!(
            "{}: {purpose} needs {needed} MiB and {free} MiB are free: make room there, or move it (VMA_CACHE= for the cache)",
            dir.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_is_refused_with_both_figures() {
        let dir = Path::new("/some/where");
        compare(dir, 100, 100, "the source").unwrap();
        let error = compare(dir, 100, 99, "the source").unwrap_err().to_string();
        assert!(
            error.contains("needs 100 MiB and 99 MiB are free") && error.contains("/some/where"),
            "{error}"
        );
    }

    #[test]
    fn a_directory_to_be_made_counts_as_its_parent() {
        let dir = tempfile::tempdir().unwrap();
        require(&dir.path().join("a/b/c"), 0, "nothing").unwrap();
        let error = require(&dir.path().join("a/b/c"), 1 << 40, "everything")
            .unwrap_err()
            .to_string();
        assert!(error.contains("a/b/c"), "{error}");
    }
}
