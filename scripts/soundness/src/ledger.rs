// SPDX-License-Identifier: GPL-2.0

//! The ledger: for each `unsafe`, the tests that would notice if its argument were false, or why no test can.

use crate::argument::{Site, is_empty};
use crate::named::Tests;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Rows that have the same tests or the same reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// A file and an item path, or the beginning of one: `pin.rs`, `pin.rs PinnedPages`.
    pub items: Vec<String>,
    #[serde(default)]
    pub tests: Vec<String>,
    pub reason: Option<String>,
}

/// The part that is written by hand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    #[serde(default)]
    pub rows: Vec<Rows>,
    /// Safe functions that dereference a pointer they are given.
    #[serde(default)]
    pub pointers: Vec<Allowed>,
    /// Items that lend memory which may be uninitialised.
    #[serde(default)]
    pub memory: Vec<Allowed>,
    /// Functions that may wait for the mmap lock and do not borrow the lock scope mutably.
    #[serde(default)]
    pub locks: Vec<Allowed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    pub item: String,
    pub reason: String,
}

/// An `unsafe` with its row.
#[derive(Serialize)]
pub struct Entry {
    #[serde(flatten)]
    pub site: Site,
    pub tests: Vec<String>,
    pub reason: Option<String>,
}

impl Ledger {
    pub fn read(repo: &Path) -> Result<Self> {
        let file = repo.join("scripts/soundness/ledger.toml");
        let text = fs::read_to_string(&file)
            .with_context(|| format!("{}: cannot be read", file.display()))?;
        toml::from_str(&text).with_context(|| format!("{}", file.display()))
    }

    /// Joins sites and rows; says what does not fit.
    pub fn join(&self, sites: &[Site], tests: &Tests, problems: &mut Vec<String>) -> Vec<Entry> {
        let mut used = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for rows in &self.rows {
            for item in &rows.items {
                if !seen.insert(item) {
                    problems.push(format!("ledger: {item}: has two rows"));
                }
            }
            let row = format!("ledger: {}", rows.items.join(", "));
            tests.look_for(&row, &rows.tests, problems);
            let reason = rows.reason.as_deref().unwrap_or_default().trim();
            if rows.tests.is_empty() && reason.is_empty() {
                problems.push(format!("{row}: neither tests nor a reason"));
            } else if rows.tests.is_empty() {
                // A reason is about one thing.
                for item in rows.items.iter().filter(|item| is_prefix(item, sites)) {
                    problems.push(format!(
                        "ledger: {item}: a row for more than one item has to name tests"
                    ));
                }
            }
        }

        let mut entries = Vec::new();
        for site in sites {
            if site.argument.is_empty() {
                problems.push(format!("{}: {}", site.item, no_argument(site)));
            } else if is_empty(&site.argument) {
                problems.push(format!(
                    "{}: line {}: {:?} names no obligation",
                    site.item, site.line, site.argument
                ));
            }
            let row = self.row(&site.item);
            match row {
                Some((item, _)) => {
                    used.insert(item);
                }
                None => problems.push(format!("{}: is not in the ledger", site.item)),
            }
            entries.push(Entry {
                site: site.clone(),
                tests: row.map(|(_, rows)| rows.tests.clone()).unwrap_or_default(),
                reason: row.and_then(|(_, rows)| rows.reason.clone()),
            });
        }
        for item in seen.into_iter().filter(|item| !used.contains(item)) {
            problems.push(format!("ledger: {item}: has no unsafe code"));
        }
        entries
    }

    /// The row with the longest beginning of an item's path.
    fn row(&self, item: &str) -> Option<(&String, &Rows)> {
        let rows = self
            .rows
            .iter()
            .flat_map(|rows| rows.items.iter().map(move |item| (item, rows)));
        rows.filter(|(prefix, _)| begins(item, prefix))
            .max_by_key(|(prefix, _)| prefix.len())
    }
}

fn no_argument(site: &Site) -> String {
    format!(
        "line {}: an unsafe {:?} without its argument",
        site.line, site.kind
    )
    .to_lowercase()
}

/// Returns whether a path begins with another one, of whole parts.
fn begins(item: &str, prefix: &str) -> bool {
    item.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(' ') || rest.starts_with("::"))
}

fn is_prefix(row: &str, sites: &[Site]) -> bool {
    sites
        .iter()
        .any(|site| site.item != row && begins(&site.item, row))
}
