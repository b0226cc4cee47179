// SPDX-License-Identifier: GPL-2.0

//! Kernels that are older than the newest one: what of the overlay they cannot have.

use crate::insert::Insertion;
use crate::later::Later;
use crate::load::{OverlayFile, toml_error};
use crate::{Overlay, older_file};
use anyhow::{Context, Result, ensure};
use cut::{FILE, Source};
use glob::Pattern;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Files that kernels of a series cannot have, or items of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Absent {
    /// Said by the name of the file where the compiler found it out.
    #[serde(default)]
    pub series: String,
    /// A glob.
    pub file: String,
    /// `*` is the whole file.
    pub items: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    #[serde(default)]
    absent: Vec<Absent>,
}

/// The items that the compiler has found for a series, if it was asked.
pub(crate) fn read(repo: &Path, series: &str) -> Result<Vec<Absent>> {
    let name = older_file(series);
    let path = repo.join(&name);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(path).with_context(|| format!("{name}: cannot be read"))?;
    let found: Found = toml::from_str(&text).map_err(|e| toml_error(&name, &text, &e))?;
    let named = |absent| Absent {
        series: series.to_string(),
        ..absent
    };
    Ok(found.absent.into_iter().map(named).collect())
}

/// The numbers of a series, by which it is older or newer than another.
pub(crate) fn number(series: &str) -> Option<(u32, u32)> {
    let (major, minor) = series.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

impl Insertion {
    fn is_for(&self, series: &str) -> bool {
        let since = self.since.as_deref().and_then(number);
        let before = self.before.as_deref().and_then(number);
        let series = number(series);
        since <= series && before.is_none_or(|before| series < Some(before))
    }
}

impl Overlay {
    /// The overlay as kernels of a series can have it.
    pub(crate) fn for_kernel(&self, series: &str) -> Result<Cow<'_, Self>> {
        let absent = self.absent.iter().chain(&self.found_absent);
        let absent: Vec<&Absent> = absent.filter(|absent| absent.series == series).collect();
        if absent.is_empty() && self.insertions.iter().all(|i| i.is_for(series)) {
            return Ok(Cow::Borrowed(self));
        }
        let mut out: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for absent in absent {
            let pattern = Pattern::new(&absent.file).context("a glob")?;
            let mut paths = self.files().filter(|path| pattern.matches(path)).peekable();
            ensure!(
                paths.peek().is_some(),
                "{}: no file of the overlay: run `make series-cut SERIES={series}`",
                absent.file
            );
            for path in paths {
                let items = absent.items.iter().map(String::as_str);
                out.entry(path).or_default().extend(items);
            }
        }
        let mut files = Vec::new();
        let mut never = Vec::new();
        for file in &self.files {
            let Some(items) = out.get(file.path.as_str()) else {
                files.push(file.clone());
                continue;
            };
            if items.contains(FILE) {
                continue;
            }
            never.extend(items.iter().map(|key| (file.path.clone(), key.to_string())));
            files.push(file.less(self.text(&file.path)?, items, series)?);
        }
        let is_there = |later: &&Later| files.iter().any(|file| file.path == later.file);
        let insertions = self.insertions.iter().filter(|i| i.is_for(series));
        let [chosen, found] = [&self.chosen, &self.found]
            .map(|later| later.iter().filter(is_there).cloned().collect());
        Ok(Cow::Owned(Self {
            supported_versions: vec![series.to_string()],
            repo: self.repo.clone(),
            insertions: insertions.cloned().collect(),
            patches: self.patches.clone(),
            chosen,
            found,
            absent: Vec::new(),
            found_absent: Vec::new(),
            never,
            files,
        }))
    }

    /// Forgets what the compiler has found out about older kernels, so that it can be asked anew.
    pub fn forget_older(&mut self) {
        self.found_absent.clear();
    }
}

impl OverlayFile {
    /// The file without some items.
    fn less(&self, text: &str, items: &BTreeSet<&str>, series: &str) -> Result<Self> {
        let source = Source::new(&self.path, text)?;
        let find = |key: &&str| {
            let item = source.find(key);
            item.with_context(|| {
                let path = &self.path;
                format!("{path} has no {key:?}: run `make series-cut SERIES={series}`")
            })
        };
        let out: BTreeSet<usize> = items.iter().map(find).collect::<Result<_>>()?;
        Ok(Self {
            content: source.without(&out).into_bytes(),
            whole: Some(self.content.clone()),
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_items_exist() {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let overlay = Overlay::load(&repo).unwrap();
        for series in &overlay.supported_versions {
            let fitted = overlay.for_kernel(series).unwrap();
            assert!(fitted.steps().is_ok());
            // The newest one has everything.
            let is_newest = Some(series) == overlay.supported_versions.first();
            assert_eq!(
                fitted.files.len() == overlay.files.len(),
                is_newest,
                "{series}"
            );
        }
    }
}
