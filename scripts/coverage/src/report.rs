// SPDX-License-Identifier: GPL-2.0

//! The result, as a table to read and as JSON.

use crate::calls;
use crate::rules::{Row, State};
use anyhow::{Context, Result};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// The outcome.
#[derive(Serialize)]
pub struct Report {
    /// The kernel's version.
    version: String,
    by_site: Share,
    by_file: Share,
    sites: Vec<Row>,
    pub problems: Vec<String>,
    #[serde(skip)]
    checked: usize,
}

/// How many are covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    pub covered: usize,
    pub all: usize,
}

impl Share {
    /// Per mille, rounded down: 1000 only if all are covered.
    fn text(self) -> String {
        let mille = 1000 * self.covered / self.all.max(1);
        format!("{}.{} %", mille / 10, mille % 10)
    }
}

/// Sites of one group, or of one answer.
#[derive(Default)]
struct Group<'a> {
    rows: Vec<&'a Row>,
}

impl<'a> Group<'a> {
    fn of(rows: impl Iterator<Item = &'a Row>) -> Self {
        let rows = rows.collect();
        Self { rows }
    }

    fn count(&self, state: State) -> usize {
        self.rows.iter().filter(|row| row.state == state).count()
    }

    fn by_site(&self) -> Share {
        Share {
            covered: self.count(State::Safe),
            all: self.rows.len() - self.count(State::Elsewhere),
        }
    }

    /// A file is covered if all its sites are.
    fn by_file(&self) -> Share {
        let counts = |row: &&&Row| row.state != State::Elsewhere;
        let rows = self.rows.iter().filter(counts);
        let all: BTreeSet<&str> = rows.clone().map(|row| &*row.site.file).collect();
        let not_safe = rows.filter(|row| row.state != State::Safe);
        let open: BTreeSet<&str> = not_safe.map(|row| &*row.site.file).collect();
        Share {
            covered: all.len() - open.len(),
            all: all.len(),
        }
    }

    /// The texts of a state with their sites, the most frequent first.
    fn texts(&self, state: State) -> Vec<(usize, &'a str)> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.state == state) {
            *counts.entry(&row.text).or_default() += 1;
        }
        let mut texts: Vec<_> = counts
            .into_iter()
            .map(|(text, count)| (count, text))
            .collect();
        texts.sort_by_key(|(count, _)| usize::MAX - count);
        texts
    }
}

impl Report {
    pub(crate) fn new(
        version: String,
        sites: Vec<Row>,
        checked: usize,
        problems: Vec<String>,
    ) -> Self {
        let all = Group::of(sites.iter());
        Self {
            by_site: all.by_site(),
            by_file: all.by_file(),
            version,
            sites,
            problems,
            checked,
        }
    }

    /// Each site, each rule and each safe call is one check.
    pub fn passed(&self) -> usize {
        self.checked.saturating_sub(self.problems.len())
    }

    pub fn by_site(&self) -> Share {
        self.by_site
    }

    /// The tables for the terminal.
    pub fn text(&self) -> String {
        let mut text = format!(
            "C calls in drivers/ and sound/ of Linux {}: in .c and .h files without comments, strings and preprocessor\n\
             directives, each call of these functions, each place that names one of them as an operation, and each\n\
             assignment to these members; no declarations, definitions and exports. Subsystem cores are part of it.\n\n",
            self.version
        );
        let row = |name: &str, cells: [String; 6]| {
            let [sites, files, safe, reason, elsewhere, share] = cells;
            format!(
                "{name:32} {sites:>6} {files:>6} {safe:>6} {reason:>7} {elsewhere:>9} {share:>8}\n"
            )
        };
        let heads = ["sites", "files", "safe", "reason", "elsewhere", "safe"];
        text += &row("C call", heads.map(str::to_string));
        let all = Group::of(self.sites.iter());
        for (name, group) in self.groups().chain([("all", all)]) {
            let counts = [
                group.rows.len(),
                group.by_file().all,
                group.count(State::Safe),
                group.count(State::Reason),
                group.count(State::Elsewhere),
            ];
            let [sites, files, safe, reason, elsewhere] = counts.map(|count| count.to_string());
            text += &row(
                name,
                [
                    sites,
                    files,
                    safe,
                    reason,
                    elsewhere,
                    group.by_site().text(),
                ],
            );
        }
        text += "\nSafe calls:\n";
        for (name, group) in self.groups() {
            let texts = group.texts(State::Safe);
            if !texts.is_empty() {
                let _ = writeln!(text, "  {name}");
            }
            for (count, safe) in texts {
                let _ = writeln!(text, "    {count:>4}  {safe}");
            }
        }
        let all = Group::of(self.sites.iter());
        for (title, state) in [
            ("No safe call:", State::Reason),
            ("No VMA, not counted:", State::Elsewhere),
        ] {
            let _ = writeln!(text, "\n{title}");
            for (count, why) in all.texts(state) {
                let _ = writeln!(text, "  {count:>4}  {why}");
            }
        }
        let (site, file) = (self.by_site, self.by_file);
        let _ = writeln!(
            text,
            "\nby call site: {} of {}, {}; by file: {} of {}, {}",
            site.covered,
            site.all,
            site.text(),
            file.covered,
            file.all,
            file.text()
        );
        text
    }

    fn groups(&self) -> impl Iterator<Item = (&'static str, Group<'_>)> {
        let of = |name| Group::of(self.sites.iter().filter(move |row| row.site.group == name));
        let groups = calls::groups().map(move |name| (name, of(name)));
        groups.filter(|(_, group)| !group.rows.is_empty())
    }

    /// Writes `coverage.json`.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let file = dir.join("coverage.json");
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(&file, text).with_context(|| format!("{}: cannot be written", file.display()))
    }
}
