// SPDX-License-Identifier: GPL-2.0

//! Judges what was measured. The bounds are in scripts/bench/bounds.toml, exceptions in exceptions.toml and calls.toml.
//! This file has what all judges share: bounds, counts and tables.

pub mod baseline;
mod bounds;
pub mod build_cost;
pub mod cited;
pub mod code;
pub mod contention;
pub mod costs;
pub mod litmus;
pub mod model;
pub mod page;
pub mod primitives;
pub mod records;
pub mod transactions;
pub mod writes;

use crate::report::{self, Outcome};
use anyhow::{Context, Result};
use baseline::Baseline;
use bounds::BOUNDS;
use fs_err as fs;
use itertools::Itertools;
use records::{Done, Record};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// One check, with the message of its failure.
macro_rules! check {
    ($outcome:expr, $ok:expr, $($said:tt)*) => { $outcome.check($ok, || format!($($said)*)) };
}
use check;

/// Makes an empty directory: of one that is there, all content is removed.
fn emptied(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir)?;
    Ok(())
}

/// A vector of texts.
macro_rules! cells {
    ($($cell:expr),* $(,)?) => { vec![$($cell.to_string()),*] };
}
use cells;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    C,
    Rust,
    Upstream,
}

use Language::{C, Rust, Upstream};

impl Language {
    pub const ALL: [Self; 3] = [C, Rust, Upstream];

    pub fn title(self) -> &'static str {
        match self {
            C => "C",
            Rust => "Rust",
            Upstream => "upstream's Rust",
        }
    }
}

/// The content of build/bench/bench.json.
#[derive(Default, Serialize)]
pub struct Figures {
    #[serde(flatten)]
    pub primitives: Option<primitives::Figures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub costs: Option<costs::Costs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sizes: Option<costs::Costs>,
    #[serde(flatten)]
    pub writes: Option<writes::Figures>,
    #[serde(flatten)]
    pub contention: Option<contention::Figures>,
    outcome: Outcome,
}

impl Figures {
    /// Has a step judged, and all figures written. Nothing is judged unless all boots came to their end. Returns what is
    /// to be shown, too.
    pub fn step(
        &mut self,
        file: &Path,
        mut boots: Outcome,
        judge: impl FnOnce(&mut Self) -> Result<(Outcome, String)>,
    ) -> Result<(Outcome, String)> {
        let mut said = String::new();
        if boots.failed == 0 {
            let (judged, text) = judge(self)?;
            boots.add(judged);
            said = text;
        }
        self.outcome.add(boots.clone());
        report::write_json(file, self)?;
        Ok((boots, said))
    }

    /// The measured primitives, as a baseline.
    pub fn baseline(&self) -> Result<Baseline> {
        let primitives = self.primitives.as_ref();
        let primitives =
            primitives.context("nothing to compare: the primitives were not measured")?;
        Ok(Baseline::of(primitives))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
    pub all: Vec<f64>,
}

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let all = Vec::from_iter(values);
        let sorted = all.iter().copied().sorted_by(f64::total_cmp).collect_vec();
        let (Some(low), Some(high)) = (sorted.first(), sorted.last()) else {
            return Self::default();
        };
        let middle = sorted.len() / 2;
        let median = (sorted[middle] + sorted[(sorted.len() - 1) / 2]) / 2.0;
        let (low, high) = (*low, *high);
        Self {
            median,
            low,
            high,
            all,
        }
    }

    /// The greatest distance from the median, as a fraction of it.
    pub fn width(&self) -> f64 {
        let most = f64::max(self.high - self.median, self.median - self.low);
        ratio(most, self.median)
    }

    /// The failure of counts that should be equal. Missing counts are wrong.
    pub fn apart(&self, name: &str) -> Option<String> {
        let digits = |n: f64| format!("{n:.8e}").parse().unwrap_or(n);
        let most = BOUNDS.counts.apart;
        let (low, high, percent) = (digits(self.low), digits(self.high), 100.0 * most);
        let is_equal = self.width() < most;
        (!is_equal).then(|| {
            format!(
                "{name}: from {low} to {high} instructions in one boot: more than {percent} % from their median"
            )
        })
    }
}

/// A part of nothing is not a number, and within no bound.
pub fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { f64::NAN } else { part / whole }
}

/// Ticks per instruction of a loop.
pub fn clock(records: &[Record]) -> Spread {
    let loops = records::of_kind!(records, Loop);
    Spread::of(loops.map(|one| one.ticks as f64 / one.instructions as f64))
}

pub fn judge_clock(ticks: &Spread, outcome: &mut Outcome) {
    let ticks = ticks.median;
    check!(
        outcome,
        (ticks - 1.0).abs() <= BOUNDS.clock.exact,
        "the clock does not count instructions: {ticks:.4} ticks for each of a loop"
    );
}

/// Runs of the same work: instructions for each operation, and operations and sum, which are equal in all runs.
#[derive(Debug, Serialize)]
pub struct Side {
    pub gross: Spread,
    pub work: Vec<(u64, u64)>,
}

pub type Sides = BTreeMap<Language, Side>;

pub fn sides<'a>(runs: impl Iterator<Item = (Language, &'a Done)>) -> Sides {
    let side = |runs: Vec<&Done>| Side {
        gross: Spread::of(runs.iter().map(|run| run.per_operation())),
        work: work(runs.iter().map(|run| (run.operations, run.sum))),
    };
    let sides = group(runs).into_iter();
    sides
        .map(|(language, runs)| (language, side(runs)))
        .collect()
}

pub fn work<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.sorted().dedup().collect()
}

/// Values by key, in the order in which the keys occur first.
pub fn group<K: PartialEq, V>(items: impl IntoIterator<Item = (K, V)>) -> Vec<(K, Vec<V>)> {
    let mut groups: Vec<(K, Vec<V>)> = Vec::new();
    for (key, value) in items {
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => groups.push((key, vec![value])),
        }
    }
    groups
}

/// Names in the first column, numbers in the others.
#[derive(Default)]
pub struct Table {
    pub caption: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// "better" or "worse", by row.
    pub marks: BTreeMap<usize, &'static str>,
}

impl Table {
    /// Between the names of columns is " | ".
    pub fn new(
        caption: impl Into<String>,
        columns: &str,
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> Self {
        Self {
            caption: caption.into(),
            columns: columns.split(" | ").map(str::to_string).collect(),
            rows: rows.into_iter().collect(),
            marks: BTreeMap::new(),
        }
    }

    /// For a terminal: names to the left, numbers to the right.
    pub fn text(&self) -> String {
        let rows = [&self.columns].into_iter().chain(&self.rows);
        let length = |cells: &&Vec<String>, at: usize| cells[at].chars().count();
        let widths = (0..self.columns.len())
            .map(|at| rows.clone().map(|row| length(&row, at)).max().unwrap_or(0))
            .collect_vec();
        let line = |cells: &Vec<String>| {
            let cells = cells.iter().zip(&widths).enumerate();
            let mut cells = cells.map(|(at, (cell, width))| match at {
                0 => format!("{cell:width$}"),
                _ => format!("{cell:>width$}"),
            });
            cells.join("  ").trim_end().to_string() + "\n"
        };
        format!("{}\n{}", self.caption, rows.map(line).collect::<String>())
    }
}

/// A number without the sign of a zero, or a dash if there is none.
fn shown(value: impl Into<Option<f64>>, decimals: usize) -> String {
    let Some(value) = value.into() else {
        return "-".to_string();
    };
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(zero) if zero.parse() == Ok(0.0) => zero.to_string(),
        _ => text,
    }
}

#[cfg(test)]
#[rustfmt::skip] // A case of a table is a line.
mod tests {
    use super::*;

    #[test]
    fn median_and_width_are_computed() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(spread(&[3.0, 1.0, 100.0]).median, 3.0);
        assert_eq!(spread(&[3.0, 1.0, 100.0, 4.0]).median, 3.5);
        assert_eq!(spread(&[10.0, 9.0, 14.0]).width(), 0.4);
        assert_eq!(spread(&[10.0, 6.0, 11.0]).width(), 0.4);
        assert!(spread(&[0.0, 1.0, 0.0]).width().is_nan());
        assert_eq!(spread(&[5.0, 5.0]).apart("x"), None);
        assert!(spread(&[5.0, 5.02]).apart("x").is_some() && spread(&[]).apart("x").is_some());
    }

    #[test]
    fn clock_must_count_instructions() {
        for (ticks, failed) in [(Some(1.004), 0), (Some(1.01), 1), (Some(0.99), 1), (None, 1)] {
            let mut outcome = Outcome::default();
            judge_clock(&Spread::of(ticks), &mut outcome);
            assert_eq!(outcome.failed, failed);
        }
    }

    #[test]
    fn tables_are_aligned() {
        let rows = [cells!["read", "7.25"], cells!["write it", "12.00"]];
        assert_eq!(
            Table::new("Cost", "what | C", rows).text(),
            "Cost\nwhat          C\nread       7.25\nwrite it  12.00\n"
        );
        let numbers = [None, Some(-0.001), Some(-0.006), Some(12.0)];
        let numbers = numbers.map(|number| shown(number, 2));
        assert_eq!(numbers, ["-", "0.00", "-0.01", "12.00"]);
    }

    #[test]
    fn failed_boot_is_not_judged() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("bench.json");
        let mut figures = Figures::default();
        let never = |_: &mut Figures| unreachable!();
        let splat = Outcome::failure("x: a splat".to_string());
        let (outcome, said) = figures.step(&file, splat, never).unwrap();
        assert_eq!((outcome.failures, &*said), (cells!["x: a splat"], ""));
        let nothing = |figures: &mut Figures| {
            let costs = costs::Costs::of(costs::By::Span, &[]);
            let outcome = costs.judge();
            figures.sizes = Some(costs);
            Ok((outcome, "text".to_string()))
        };
        let (outcome, said) = figures.step(&file, Outcome::success(), nothing).unwrap();
        assert_eq!((outcome.failures, &*said), (cells!["costs: nothing was measured"], "text"));
        let text = std::fs::read_to_string(&file).unwrap();
        let written: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(written["outcome"]["failed"], 2);
        assert!(written.get("costs").is_none() && written.get("sizes").is_some());
    }
}
