// SPDX-License-Identifier: GPL-2.0

//! The result, as a table to read and as JSON.

use crate::ledger::Entry;
use anyhow::{Context, Result};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// The outcome.
#[derive(Serialize)]
pub struct Report {
    pub entries: Vec<Entry>,
    /// Safe functions with a pointer parameter and an `unsafe` block, allowed or not.
    pub pointers: Vec<String>,
    /// How many public types there are.
    pub types: usize,
    /// How many preconditions of C functions there are.
    pub preconditions: usize,
    /// How many tests can be named.
    pub tests: usize,
    #[serde(skip)]
    pub(crate) checked: usize,
    pub problems: Vec<String>,
}

impl Report {
    pub fn failed(&self) -> usize {
        self.problems.len()
    }

    /// Each `unsafe`, each precondition, each public type and each file is one check.
    pub fn passed(&self) -> usize {
        self.checked.saturating_sub(self.failed())
    }

    /// A summary for the terminal.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} unsafe in {} items, {} without a test; {} preconditions of C functions; {} public types; \
             {} tests to name\n",
            self.entries.len(),
            self.entries
                .iter()
                .map(|e| &e.site.item)
                .collect::<BTreeSet<_>>()
                .len(),
            self.entries
                .iter()
                .filter(|entry| entry.tests.is_empty())
                .count(),
            self.preconditions,
            self.types,
            self.tests,
        );
        if !self.pointers.is_empty() {
            text += "safe functions that dereference a pointer they are given:\n";
            for item in &self.pointers {
                let _ = writeln!(text, "  {item}");
            }
        }
        text
    }

    /// The ledger as a table.
    pub fn table(&self) -> String {
        let mut text = String::from(
            "# Unsafe code of the VMA abstraction\n\n\
             | where | kind | argument | noticed by |\n|---|---|---|---|\n",
        );
        for Entry {
            site,
            tests,
            reason,
        } in &self.entries
        {
            let by = match (tests.is_empty(), reason) {
                (false, _) => tests.join("<br>"),
                (true, Some(reason)) => format!("no test: {reason}"),
                (true, None) => String::new(),
            };
            let kind = format!("{:?}", site.kind).to_lowercase();
            let cells =
                [&site.item, &kind, &site.argument, &by].map(|cell| cell.replace('|', "\\|"));
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        text
    }

    /// Writes `unsafe-ledger.md` and `unsafe-ledger.json`.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(self)? + "\n";
        for (name, text) in [
            ("unsafe-ledger.md", self.table()),
            ("unsafe-ledger.json", json),
        ] {
            let file = dir.join(name);
            fs::write(&file, text)
                .with_context(|| format!("{}: cannot be written", file.display()))?;
        }
        Ok(())
    }
}
