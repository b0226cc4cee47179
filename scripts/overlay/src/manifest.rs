// SPDX-License-Identifier: GPL-2.0

//! The record of what the overlay put into a tree, kept in the tree itself.
//!
//! It is written before anything else is touched and names every state a file may be found in, so
//! that an interrupted run can be completed or undone from it alone.

use crate::insert::Piece;
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

/// The manifest's place in the tree. The kernel's `.gitignore` leaves hidden files out.
pub(crate) const NAME: &str = ".rust-vma-overlay.json";

const FORMAT: u32 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Applying,
    Applied,
    Reverting,
}

/// A file of the kernel with insertions in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    /// Of the file without the pieces.
    pub base_sha256: String,
    /// Of the file with them.
    pub sha256: String,
    /// How many insertions the pieces are.
    #[serde(default)]
    pub insertions: usize,
    pub pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    format: u32,
    pub state: State,
    /// Version of the kernel it was made for.
    pub kernel: String,
    /// New files, with every content of ours that may be found in them.
    pub files: BTreeMap<String, BTreeSet<String>>,
    /// Files with insertions, with every form of ours that may be found in them.
    pub insertions: BTreeMap<String, Vec<Form>>,
    /// Directories we made.
    pub dirs: BTreeSet<String>,
}

impl Manifest {
    pub fn new(state: State, kernel: String) -> Self {
        let (files, insertions, dirs) = Default::default();
        Self {
            format: FORMAT,
            state,
            kernel,
            files,
            insertions,
            dirs,
        }
    }

    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let advice = "take the overlay out by hand and delete this file, or unpack the tree anew";
        let manifest: Self = serde_json::from_slice(bytes)
            .with_context(|| format!("{NAME}: not readable as a manifest: {advice}"))?;
        ensure!(
            manifest.format == FORMAT,
            "{NAME}: format {} is of another release of this repository (this one writes {FORMAT}): revert with that release",
            manifest.format
        );
        let paths = manifest
            .files
            .keys()
            .chain(manifest.insertions.keys())
            .chain(&manifest.dirs);
        if let Some(path) = paths.into_iter().find(|p| !is_inside(p)) {
            bail!("{NAME}: names {path:?}, which is not a path inside the tree: {advice}");
        }
        Ok(manifest)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("a manifest is plain data");
        json.push(b'\n');
        json
    }

    /// Whether this is a content of ours for that new file.
    pub fn knows(&self, path: &str, sha256: &str) -> bool {
        self.files
            .get(path)
            .is_some_and(|known| known.contains(sha256))
    }
}

/// Whether a relative path is written plainly and stays inside the directory it is relative to.
pub(crate) fn is_inside(path: &str) -> bool {
    let plain = Path::new(path)
        .components()
        .all(|c| matches!(c, Component::Normal(_)));
    plain
        && !path.is_empty()
        && !path.ends_with('/')
        && !path.contains("//")
        && !path.contains("/./")
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
