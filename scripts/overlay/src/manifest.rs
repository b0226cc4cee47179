// SPDX-License-Identifier: GPL-2.0

//! The record of what the overlay put into a tree, kept in the tree itself.
//!
//! It is written before anything else is touched and names every state that a file may be in, so
//! that an interrupted run can be completed or undone from it alone.

use crate::insert::Form;
use anyhow::{Context, Result, bail, ensure};
use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

/// The manifest's place in the tree. The kernel's `.gitignore` leaves hidden files out.
pub(crate) const NAME: &str = ".rust-vma-overlay.json";

/// The one before has the same fields, except those of replaced lines.
const FORMAT: u64 = 3;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// True if no run was interrupted.
    #[serde(default)]
    pub complete: bool,
    /// New files, with the hash of every content that the overlay may have given them.
    pub files: BTreeMap<String, BTreeSet<String>>,
    /// Files with insertions, with every form that these may have. Without one: that of the
    /// overlay as it is.
    pub insertions: BTreeMap<String, Vec<Form>>,
    /// New directories.
    pub dirs: BTreeSet<String>,
}

impl Manifest {
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let advice = "take the overlay out by hand and delete this file, or unpack the tree anew";
        let unreadable = || format!("{NAME}: not readable as a manifest: {advice}");
        let value: serde_json::Value = serde_json::from_slice(bytes).with_context(unreadable)?;
        let format = value["format"].as_u64().with_context(unreadable)?;
        ensure!(
            (FORMAT - 1..=FORMAT).contains(&format),
            "{NAME}: format {format} is of another release of this repository (this one writes {FORMAT}): revert with that release, or unpack the tree anew"
        );
        let manifest: Self = serde_json::from_value(value).with_context(unreadable)?;
        let (files, edited) = (manifest.files.keys(), manifest.insertions.keys());
        let mut paths = files.chain(edited).chain(&manifest.dirs);
        if let Some(path) = paths.find(|p| !is_inside(p)) {
            bail!("{NAME}: names {path:?}, which is not a path inside the tree: {advice}");
        }
        let forms = manifest.insertions.values().flatten();
        let groups = forms.flat_map(|form| &form.groups);
        let mut patterns = groups.flat_map(|g| std::iter::once(&g.anchor).chain(&g.to));
        ensure!(patterns.all(|p| Regex::new(p).is_ok()), unreadable());
        Ok(manifest)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut value = serde_json::to_value(self).expect("a manifest is plain data");
        value["format"] = FORMAT.into();
        format!("{value:#}\n").into_bytes()
    }

    /// Returns true if the overlay may have given this content to that new file.
    pub fn knows(&self, path: &str, content: &[u8]) -> bool {
        let hashes = self.files.get(path);
        hashes.is_some_and(|known| known.contains(&sha256(content)))
    }

    /// A manifest of all states of both.
    pub fn or(mut self, other: &Self) -> Self {
        for (path, hashes) in &other.files {
            let known = self.files.entry(path.clone()).or_default();
            known.extend(hashes.iter().cloned());
        }
        for (path, forms) in &other.insertions {
            let known = self.insertions.entry(path.clone()).or_default();
            for form in forms {
                if !known.contains(form) {
                    known.push(form.clone());
                }
            }
        }
        self.dirs.extend(other.dirs.iter().cloned());
        self.complete = false;
        self
    }
}

/// Returns true if a relative path is written plainly and stays inside the directory it is relative to.
pub(crate) fn is_inside(path: &str) -> bool {
    let names = Path::new(path).components().map(|c| match c {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let names: Option<Vec<&str>> = names.collect();
    !path.is_empty() && names.is_some_and(|names| names.join("/") == path)
}

/// The digest of a content, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
