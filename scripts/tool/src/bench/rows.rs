// SPDX-License-Identifier: GPL-2.0

//! The figures of each primitive side by side: both kernels, all languages.

use super::primitives::{Helpers, Measured, NOTHING, Primitive};
use crate::page::{Mark, Row as TableRow, Table, columns};
use bench_records::{Caller, Language};
use serde::Serialize;
use std::collections::BTreeMap;

/// Instructions of a primitive: of its body, or the gross cost if a program calls it.
#[derive(Debug, PartialEq, Serialize)]
pub struct Row {
    pub caller: Caller,
    pub primitive: String,
    /// Of the kernel that inlines helpers, if there is one.
    pub inline: Option<Figures>,
    /// Of the kernel that calls helpers.
    pub calls: Option<Figures>,
    pub helper_calls: u64,
    /// How far apart any two counts of the same work are, as a fraction.
    pub spread: f64,
}

#[derive(Debug, PartialEq, Serialize)]
pub struct Figures {
    pub c: f64,
    pub rust: f64,
    pub upstream: Option<f64>,
}

impl Figures {
    fn of(kernel: &Measured, name: &str) -> Option<Self> {
        let figures = kernel.figures();
        let primitive = figures.named(name)?;
        let body = |language| figures.body(primitive, language);
        Some(Self {
            c: body(Language::C)?,
            rust: body(Language::Rust)?,
            upstream: body(Language::Upstream),
        })
    }

    fn more(&self) -> f64 {
        self.rust - self.c
    }
}

impl Row {
    /// Returns a row for each primitive, in the order of measurement.
    pub fn all(kernels: &[Measured], helper_calls: &BTreeMap<String, u64>) -> Vec<Self> {
        let mut primitives: Vec<&Primitive> = Vec::new();
        for one in kernels.iter().flat_map(|kernel| &kernel.figures().all) {
            if one.name != NOTHING && !primitives.iter().any(|other| other.name == one.name) {
                primitives.push(one);
            }
        }
        let of = |helpers, name: &str| {
            let kernel = kernels.iter().find(|kernel| kernel.helpers == helpers);
            kernel.and_then(|kernel| Figures::of(kernel, name))
        };
        let row = |Primitive { caller, name, .. }: &Primitive| Self {
            caller: *caller,
            primitive: name.clone(),
            inline: of(Helpers::Inline, name),
            calls: of(Helpers::Calls, name),
            helper_calls: helper_calls.get(name).copied().unwrap_or(0),
            spread: kernels
                .iter()
                .map(|kernel| kernel.width(name))
                .fold(0.0, f64::max),
        };
        primitives.into_iter().map(row).collect()
    }

    fn cells(&self) -> Vec<String> {
        let (inline, calls) = (self.inline.as_ref(), self.calls.as_ref());
        // Without the first kernel, C is that of the second.
        let c = inline.or(calls).map(|figures| figures.c);
        let upstream = inline.and_then(|figures| figures.upstream);
        let ratio = |value: Option<f64>| Some(value? / c?);
        let rust = inline.map(|figures| figures.rust);
        let more = calls.map(Figures::more);
        let helper_calls = calls.map(|_| self.helper_calls as f64);
        let per_call = more.zip(helper_calls).filter(|(_, calls)| *calls > 0.0);
        vec![
            self.primitive.clone(),
            shown(c, 2),
            shown(rust, 2),
            shown(ratio(rust), 4),
            shown(upstream, 2),
            shown(ratio(upstream), 4),
            shown(calls.map(|figures| figures.rust), 2),
            shown(helper_calls, 0),
            shown(more, 2),
            shown(per_call.map(|(more, calls)| more / calls), 2),
            format!("{:.3} %", 100.0 * self.spread),
        ]
    }

    /// Marks a difference of more than half an instruction.
    fn mark(&self) -> Option<Mark> {
        match self.inline.as_ref()?.more() {
            more if more > 0.5 => Some(Mark::Worse),
            more if more < -0.5 => Some(Mark::Better),
            _ => None,
        }
    }
}

/// Formats a number, or a dash if there is none, without the sign of a zero.
fn shown(value: Option<f64>, decimals: usize) -> String {
    let Some(value) = value else {
        return "-".to_string();
    };
    let text = format!("{value:.decimals$}");
    match text.parse() == Ok(0.0) {
        true => text.trim_start_matches('-').to_string(),
        false => text,
    }
}

pub fn table(rows: &[Row]) -> Table {
    Table {
        caption: "Guest instructions of each primitive, without its call and the loop; those that a program calls, \
                  at the end, include its system calls and page faults. Helpers are inlined except in the four columns \
                  for helpers that are called. Medians, with the greatest distance from them in two boots"
            .to_string(),
        columns: columns(&[
            "primitive",
            "C",
            "Rust",
            "Rust / C",
            "upstream",
            "upstream / C",
            "Rust, helpers called",
            "helper calls",
            "more than C",
            "per call",
            "spread",
        ]),
        rows: rows
            .iter()
            .map(|row| TableRow {
                cells: row.cells(),
                mark: row.mark(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::primitives::Primitives;
    use super::super::samples::boot;
    use super::*;

    fn kernel(helpers: Helpers, ticks: &[f64]) -> Measured {
        let boot = || Primitives::of(&boot(&[("read", ticks)]));
        Measured {
            config: "k",
            helpers,
            boots: [boot(), boot()],
        }
    }

    fn cells(kernels: &[Measured], calls: u64) -> String {
        let calls = BTreeMap::from([("read".to_string(), calls)]);
        let table = table(&Row::all(kernels, &calls));
        assert_eq!(table.rows.len(), 1);
        table.rows[0].cells.join(" ")
    }

    #[test]
    fn all_figures_are_in_a_row() {
        let kernels = [
            kernel(Helpers::Inline, &[40.0, 24.0, 48.0]),
            kernel(Helpers::Calls, &[40.0, 52.0]),
        ];
        assert_eq!(
            cells(&kernels, 2),
            "read 32.00 16.00 0.5000 40.00 1.2500 44.00 2 12.00 6.00 0.000 %"
        );
        let rows = Row::all(&kernels, &BTreeMap::new());
        assert_eq!(rows[0].mark(), Some(Mark::Better));
    }

    #[test]
    fn missing_figures_are_dashes() {
        let inline = [kernel(Helpers::Inline, &[40.0, 24.0])];
        assert_eq!(
            cells(&inline, 0),
            "read 32.00 16.00 0.5000 - - - - - - 0.000 %"
        );
        let calls = [kernel(Helpers::Calls, &[40.0, 52.0])];
        assert_eq!(
            cells(&calls, 0),
            "read 32.00 - - - - 44.00 0 12.00 - 0.000 %"
        );
        let one = [kernel(Helpers::Inline, &[40.0])];
        assert!(Row::all(&one, &BTreeMap::new())[0].inline.is_none());
        let numbers = [None, Some(-0.001), Some(-0.006), Some(12.0)];
        assert_eq!(
            numbers.map(|number| shown(number, 2)),
            ["-", "0.00", "-0.01", "12.00"]
        );
    }

    #[test]
    fn the_spread_is_that_of_all_kernels() {
        let mut kernels = [
            kernel(Helpers::Inline, &[40.0, 24.0]),
            kernel(Helpers::Calls, &[40.0, 52.0]),
        ];
        kernels[1].boots[0] = Primitives::of(&boot(&[("read", &[60.0, 52.0])]));
        assert_eq!(Row::all(&kernels, &BTreeMap::new())[0].spread, 0.5);
    }
}
