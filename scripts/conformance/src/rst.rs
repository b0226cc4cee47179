// SPDX-License-Identifier: GPL-2.0

//! An RST file as docutils understands it: tables, enumerated lists and sections.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::path::Path;
use std::process::Command;

const SCRIPT: &str = include_str!("../rst_tables.py");

/// The output of the script.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rst {
    pub tables: Vec<RawTable>,
    pub lists: Vec<RawList>,
    pub sections: Vec<RawSection>,
}

/// A table, its cells as text in one line each.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTable {
    pub title: String,
    /// The headings of the sections it is in, outermost first.
    pub section: Vec<String>,
    pub line: usize,
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// Cells that span several rows or columns.
    pub spans: Vec<String>,
}

/// An enumerated list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawList {
    pub section: Vec<String>,
    pub items: Vec<RawItem>,
}

/// An item of it; its name is its first words in bold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawItem {
    pub name: String,
    pub text: String,
    pub line: usize,
}

/// A section without its tables and subsections.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSection {
    pub path: Vec<String>,
    pub line: usize,
    pub text: String,
}

impl RawTable {
    pub fn is_in(&self, section: &str) -> bool {
        self.section.last().is_some_and(|last| last == section)
    }
}

impl Rst {
    /// Reads a file; what docutils calls an error is one here.
    pub fn read(file: &Path) -> Result<Self> {
        if !file.is_file() {
            bail!("{}: there is no such file", file.display());
        }
        // The distribution's docutils belongs to the distribution's Python.
        let system = Path::new("/usr/bin/python3");
        let python = if system.exists() {
            system
        } else {
            Path::new("python3")
        };
        let output = Command::new(python)
            .args(["-X", "utf8", "-B", "-c", SCRIPT])
            .arg(file)
            .output()
            .with_context(|| format!("{} does not run: install python3", python.display()))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            bail!(
                "{}",
                text.lines()
                    .last()
                    .unwrap_or("the RST parser says nothing")
                    .trim()
            );
        }
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{}: the RST parser's output is wrong", file.display()))
    }
}
