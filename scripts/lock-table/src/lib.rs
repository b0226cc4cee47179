// SPDX-License-Identifier: GPL-2.0

//! Reads the lock levels and the lock tables out of the kernel crate's source, where they are written once, so that
//! checks can compare them with other sources.
//!
//! The reader is strict: what it does not know is an error with file and line, never skipped, because a row that is not
//! seen is a row that is not checked.

mod conversions;
mod levels;
mod model;
mod tables;
#[cfg(test)]
mod tests;

pub use model::{
    Access, Capability, Held, Kind, Level, LockState, LockTable, Proof, Row, Table, Unwritten,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const LEVELS: &str = "level.rs";

/// Other files that must exist.
const TABLES: [&str; 2] = ["field.rs", "page_table.rs"];

impl LockTable {
    /// Reads the directory `rust/kernel/mm/vma` of a checkout: the levels, and every file below it that has a lock
    /// table.
    pub fn read(vma_dir: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        sources(vma_dir, "", &mut files)?;
        for name in TABLES {
            ensure!(
                files.contains_key(name),
                "{}: has no {name}: give the directory rust/kernel/mm/vma of a checkout",
                vma_dir.display()
            );
        }
        Self::parse(&files).with_context(|| format!("{}", vma_dir.display()))
    }

    /// Reads the same directory, and returns what is wrong with its conversions from one view to another.
    pub fn conversions(&self, vma_dir: &Path) -> Result<Vec<String>> {
        let mut files = BTreeMap::new();
        all_sources(vma_dir, "", &mut files)?;
        let module = vma_dir.with_extension("rs");
        let text = fs::read_to_string(&module)
            .with_context(|| format!("{}: cannot be read", module.display()))?;
        files.insert("../vma.rs".to_string(), text);
        conversions::check(self, &files)
            .map_err(|error| located(&vma_dir.display().to_string(), &error, "conversions"))
    }

    /// The same from texts, by file name.
    pub fn parse(files: &BTreeMap<String, String>) -> Result<Self> {
        let Some(text) = files.get(LEVELS) else {
            bail!("no {LEVELS} among the files: it has the levels");
        };
        let parsed = |name: &str, text: &str| {
            syn::parse_file(text).map_err(|error| located(name, &error, "is no Rust"))
        };
        let (levels, capabilities) = levels::read(&parsed(LEVELS, text)?)
            .map_err(|error| located(LEVELS, &error, "the levels"))?;
        let bounds = capabilities.iter().map(|c| c.name.as_str()).collect();
        let mut tables = Vec::new();
        for (name, text) in files {
            let file = parsed(name, text)?;
            let found = tables::read(&file, &bounds);
            tables.extend(found.map_err(|error| located(name, &error, "lock_table!"))?);
        }
        ensure!(!tables.is_empty(), "no lock_table! in any of the files");
        let mut titles = BTreeSet::new();
        for table in &tables {
            ensure!(
                titles.insert(&table.title),
                "there are two tables {:?}: join them",
                table.title
            );
        }
        Ok(Self {
            levels,
            capabilities,
            tables,
        })
    }
}

/// Every source below a directory that counts, by its path from there.
fn sources(dir: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> Result<()> {
    let mut all = BTreeMap::new();
    all_sources(dir, prefix, &mut all)?;
    all.retain(|name, text| {
        let wanted = name == LEVELS || TABLES.contains(&name.as_str());
        wanted || text.contains("lock_table!")
    });
    files.extend(all);
    Ok(())
}

/// Every source below a directory, but for the tests.
fn all_sources(dir: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> Result<()> {
    let shown = dir.display();
    let entries = fs::read_dir(dir).with_context(|| format!("{shown}: cannot be read"))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("{shown}: cannot be read"))?
            .path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            if name != "tests" {
                all_sources(&path, &format!("{name}/"), files)?;
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("{}: cannot be read as text", path.display()))?;
            files.insert(name, text);
        }
    }
    Ok(())
}

fn located(name: &str, error: &syn::Error, what: &str) -> anyhow::Error {
    let at = error.span().start();
    let (line, column) = (at.line, at.column + 1);
    // Of several errors the first, on one line.
    let said = error.to_string().replace('\n', " ");
    anyhow!("{name}:{line}:{column}: {what}: {said}")
}
