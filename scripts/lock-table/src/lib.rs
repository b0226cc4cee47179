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
pub mod transitions;

pub use model::{
    Access, Capability, Held, Kind, Level, LockState, LockTable, Row, Table, Unwritten,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Sources by path below `rust/kernel/mm/vma`.
type Files = BTreeMap<String, syn::File>;

const LEVELS: &str = "level.rs";

impl LockTable {
    /// Reads the directory `rust/kernel/mm/vma` of a checkout.
    pub fn read(vma_dir: &Path) -> Result<Self> {
        Self::parse(&sources(vma_dir)?).with_context(|| format!("{}", vma_dir.display()))
    }

    /// Reads levels and tables from texts, by file name.
    pub fn parse(texts: &BTreeMap<String, String>) -> Result<Self> {
        Self::new(&parsed(texts)?)
    }

    /// Reads the same directory, and returns what is wrong with its conversions from one view to another, and with
    /// methods of views that reach a field.
    pub fn problems(&self, vma_dir: &Path) -> Result<Vec<String>> {
        self.problems_in(&parsed(&sources(vma_dir)?)?)
    }

    fn problems_in(&self, files: &Files) -> Result<Vec<String>> {
        conversions::check(self, files)
            .map_err(|error| located("rust/kernel/mm/vma", &error, "conversions"))
    }

    fn new(files: &Files) -> Result<Self> {
        let Some(file) = files.get(LEVELS) else {
            bail!("no {LEVELS}: give the directory rust/kernel/mm/vma of a checkout");
        };
        let (levels, capabilities) =
            levels::read(file).map_err(|error| located(LEVELS, &error, "the levels"))?;
        let mut reader = tables::Reader {
            of_view: BTreeMap::new(),
            unstable: BTreeMap::new(),
            bounds: capabilities.iter().map(|c| c.name.as_str()).collect(),
        };
        for (name, file) in files {
            for block in tables::blocks(&file.items, "UnstableVma") {
                tables::methods(block, &mut reader.unstable)
                    .map_err(|error| located(name, &error, "UnstableVma"))?;
            }
        }
        let mut tables: Vec<Table> = Vec::new();
        for (name, file) in files {
            for block in tables::blocks(&file.items, "Vma") {
                let found = reader.read(block);
                tables.extend(found.map_err(|error| located(name, &error, "a table"))?);
            }
        }
        ensure!(
            !tables.is_empty(),
            "no table above an impl of Vma in any of the files"
        );
        let mut titles = BTreeSet::new();
        for Table { title, rows } in &tables {
            ensure!(!rows.is_empty(), "the table {title:?} has no rows");
            ensure!(
                titles.insert(title),
                "there are two tables {title:?}: join them"
            );
        }
        Ok(Self {
            levels,
            capabilities,
            tables,
        })
    }
}

fn parsed(texts: &BTreeMap<String, String>) -> Result<Files> {
    let parsed = |(name, text): (&String, &String)| {
        let file = syn::parse_file(text).map_err(|error| located(name, &error, "is no Rust"))?;
        Ok((name.clone(), file))
    };
    texts.iter().map(parsed).collect()
}

/// The module and every source below its directory, but for the tests.
fn sources(vma_dir: &Path) -> Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    let below = glob::glob(&format!("{}/**/*.rs", vma_dir.display()))?;
    for path in below.chain([Ok(vma_dir.with_extension("rs"))]) {
        let path = path?;
        let name = path.strip_prefix(vma_dir).unwrap_or(Path::new("../vma.rs"));
        if !name.starts_with("tests") {
            let text = fs::read_to_string(&path);
            let text = text.with_context(|| format!("{}: cannot be read", path.display()))?;
            texts.insert(name.display().to_string(), text);
        }
    }
    Ok(texts)
}

fn located(name: &str, error: &syn::Error, what: &str) -> anyhow::Error {
    let at = error.span().start();
    let (line, column) = (at.line, at.column + 1);
    // Of several errors the first, on one line.
    let said = error.to_string().replace('\n', " ");
    anyhow!("{name}:{line}:{column}: {what}: {said}")
}
