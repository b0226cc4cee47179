// SPDX-License-Identifier: GPL-2.0

//! What operations write to cache lines that are shared, as a picture and as a table.

use super::super::{table, writes};
use super::rows;
use crate::bench::plot::bars::{self, Bars, Series};
use crate::bench::plot::rows::Group;
use crate::bench::plot::{Scale, Tone, rows as plotted};
use crate::bench::sheet::{columns, figure};
use crate::bench::table::describe;
use crate::page::{Part, Table};
use anyhow::Result;
use std::collections::BTreeSet;
use writes::{Count, Kind, Row, Writes};

/// What an operation writes less often is not drawn: it comes once in a run.
const LEAST: f64 = 0.1;

pub fn picture(writes: &Writes) -> Result<Part> {
    let choice = Choice::of(writes);
    Ok(figure(
        "cache-lines",
        choice.bars().draw()?,
        &choice.caption(),
    ))
}

/// An operation, and what it writes to lines that are shared.
struct Operation<'a> {
    name: &'a str,
    rows: Vec<&'a Row>,
}

impl<'a> Operation<'a> {
    /// All that write such lines, in the order in which they were measured.
    fn all(writes: &'a Writes) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for row in writes.rows.iter().filter(|row| row.kind.is_shared()) {
            match all.iter_mut().find(|known| known.name == row.operation) {
                Some(known) => known.rows.push(row),
                None => all.push(Self {
                    name: &row.operation,
                    rows: vec![row],
                }),
            }
        }
        all
    }

    /// In each language that it is in.
    fn sides(&self) -> Vec<(&'static str, Vec<(Kind, Count)>)> {
        let side = |count: fn(&Row) -> Option<Count>| -> Vec<(Kind, Count)> {
            let rows = self.rows.iter();
            rows.filter_map(|row| Some((row.kind, count(row)?)))
                .collect()
        };
        let mut sides = vec![
            ("C", side(|row| Some(row.c))),
            ("Rust", side(|row| Some(row.rust))),
            ("upstream", side(|row| row.upstream)),
        ];
        sides.retain(|(_, counts)| !counts.is_empty());
        sides
    }

    fn most(&self) -> f64 {
        let sides = self.sides();
        let sums = sides
            .iter()
            .map(|(_, counts)| counts.iter().map(|(_, count)| count.stores).sum());
        sums.fold(0.0, f64::max)
    }

    /// Whether the other shows all that this does, as far as it is written down.
    fn is_shown_by(&self, other: &Self) -> bool {
        let written = |counts: &[(Kind, Count)]| -> Vec<(Kind, String)> {
            let counts = counts.iter();
            counts
                .map(|(kind, count)| (*kind, table::count(*count)))
                .collect()
        };
        let others = other.sides();
        self.sides().iter().all(|(language, counts)| {
            others
                .iter()
                .any(|(name, of)| name == language && written(of) == written(counts))
        })
    }
}

/// What is drawn, and what is not: much that is done in several ways writes the same.
struct Choice<'a> {
    drawn: Vec<Operation<'a>>,
    /// Those that each of these stands for.
    others: Vec<Vec<&'a str>>,
    hardly: Vec<&'a str>,
}

impl<'a> Choice<'a> {
    fn of(writes: &'a Writes) -> Self {
        let all = Operation::all(writes);
        let (some, hardly): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.most() >= LEAST);
        // The first of those that are in most languages stands for the others.
        let stands_for = |at: usize| -> Option<usize> {
            let mut shown: Vec<usize> = (0..some.len())
                .filter(|by| some[at].is_shown_by(&some[*by]))
                .collect();
            shown.sort_by_key(|by| std::cmp::Reverse(some[*by].sides().len()));
            shown.into_iter().next().filter(|by| *by != at)
        };
        let by: Vec<Option<usize>> = (0..some.len()).map(stands_for).collect();
        let mut choice = Self {
            drawn: Vec::new(),
            others: Vec::new(),
            hardly: hardly.into_iter().map(|one| one.name).collect(),
        };
        let names: Vec<&str> = some.iter().map(|one| one.name).collect();
        for (at, operation) in some.into_iter().enumerate() {
            if by[at].is_none() {
                let others = names.iter().zip(&by).filter(|(_, by)| **by == Some(at));
                choice.others.push(others.map(|(name, _)| *name).collect());
                choice.drawn.push(operation);
            }
        }
        choice
    }

    fn bars(&self) -> Bars {
        let rows = self.drawn.iter().flat_map(|operation| &operation.rows);
        let kinds: BTreeSet<Kind> = rows.map(|row| row.kind).collect();
        let series = kinds.iter().map(|kind| Series {
            name: kind.name().to_string(),
            tone: tone(*kind),
        });
        let groups = self.drawn.iter().map(|operation| Group {
            name: String::new(),
            rows: operation
                .sides()
                .iter()
                .map(|(language, counts)| plotted::Row {
                    label: format!("{}, {language}", describe(operation.name)),
                    values: kinds
                        .iter()
                        .map(|kind| {
                            let count = counts.iter().find(|(of, _)| of == kind);
                            count.map(|(_, count)| count.stores.into())
                        })
                        .collect(),
                })
                .collect(),
        });
        Bars {
            title: "Writes to cache lines that other processors may want".to_string(),
            about: "Stores for each VMA or call, by what is in the line: less is better"
                .to_string(),
            unit: "stores".to_string(),
            kind: bars::Kind::Stacked,
            scale: Scale::Linear,
            groups: groups.collect(),
            series: series.collect(),
        }
    }

    /// All that is not drawn is in the table.
    fn caption(&self) -> String {
        let names = |names: &[&str]| -> String {
            let quoted = names.iter().map(|name| format!("`{}`", describe(name)));
            quoted.collect::<Vec<_>>().join(", ")
        };
        let mut caption = "Medians of all runs.".to_string();
        let same: Vec<String> = self
            .drawn
            .iter()
            .zip(&self.others)
            .filter(|(_, others)| !others.is_empty())
            .map(|(drawn, others)| format!("{} as {}", names(others), names(&[drawn.name])))
            .collect();
        if !same.is_empty() {
            caption += &format!(
                " Only in the table is what writes the same as another: {}.",
                same.join("; ")
            );
        }
        if !self.hardly.is_empty() {
            caption += &format!(
                " And what writes less than {LEAST}: {}.",
                names(&self.hardly)
            );
        }
        caption
    }
}

/// The same colour whatever else there is.
fn tone(kind: Kind) -> Tone {
    Tone::Other(match kind {
        Kind::MmapLock => 0,
        Kind::Sequence => 4,
        Kind::VmaLock => 1,
        Kind::Fields => 5,
        Kind::Page => 2,
        _ => 6,
    })
}

/// Lines that are not shared are left out.
pub fn table(writes: &Writes) -> Table {
    let shared = writes.rows.iter().filter(|row| row.kind.is_shared());
    let cells = shared.map(|row| {
        vec![
            describe(&row.operation).to_string(),
            row.kind.name().to_string(),
            table::count(row.c),
            table::count(row.rust),
            row.upstream.map_or(String::new(), table::count),
        ]
    });
    Table {
        caption: "Stores to shared cache lines for each VMA or call, of them atomic ones"
            .to_string(),
        columns: columns(&["operation", "line", "C", "Rust", "upstream"]),
        rows: rows(cells),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stores to lines of a kind: the same in C and in Rust, and in upstream's if that is known.
    fn writes(all: &[(&str, Kind, f64, Option<f64>)]) -> Writes {
        let count = |stores: f64| Count {
            stores,
            atomic: 0.0,
        };
        let mut writes = Writes::default();
        writes
            .rows
            .extend(all.iter().map(|(operation, kind, stores, upstream)| Row {
                operation: operation.to_string(),
                kind: *kind,
                c: count(*stores),
                rust: count(*stores),
                upstream: upstream.map(count),
            }));
        writes
    }

    #[test]
    fn parts_of_a_bar_are_kinds_of_lines() {
        let writes = writes(&[
            ("hand-over", Kind::MmapLock, 3.0, None),
            ("hand-over", Kind::VmaLock, 2.0, None),
            ("hand-over", Kind::Stack, 90.0, None),
            ("lock-vma", Kind::VmaLock, 2.0, Some(4.0)),
            ("peek", Kind::Task, 4.0, None),
        ]);
        let bars = Choice::of(&writes).bars();
        let names: Vec<&str> = bars.series.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["mmap lock", "VMA lock"]);
        let rows = bars.groups.iter().flat_map(|group| &group.rows);
        let rows: Vec<(&str, Vec<Option<f64>>)> = rows
            .map(|row| {
                let values = row.values.iter();
                let medians = values.map(|value| value.map(|value| value.median));
                (row.label.as_str(), medians.collect())
            })
            .collect();
        assert_eq!(
            rows,
            [
                ("hand-over, C", vec![Some(3.0), Some(2.0)]),
                ("hand-over, Rust", vec![Some(3.0), Some(2.0)]),
                ("lock-vma, C", vec![None, Some(2.0)]),
                ("lock-vma, Rust", vec![None, Some(2.0)]),
                ("lock-vma, upstream", vec![None, Some(4.0)]),
            ]
        );
    }

    #[test]
    fn what_writes_the_same_is_drawn_once() {
        let writes = writes(&[
            ("walk-vma", Kind::VmaLock, 2.0, None),
            ("lock-vma", Kind::VmaLock, 2.001, Some(2.0)),
            ("lock-same", Kind::VmaLock, 2.0, None),
            ("lock-two", Kind::VmaLock, 4.0, None),
            ("lock-rmap", Kind::Other, 2.0, None),
            ("lock-again", Kind::VmaLock, 0.01, None),
            ("lock-other", Kind::VmaLock, 2.0, Some(3.0)),
        ]);
        let choice = Choice::of(&writes);
        let drawn: Vec<&str> = choice.drawn.iter().map(|one| one.name).collect();
        assert_eq!(drawn, ["lock-vma", "lock-two", "lock-rmap", "lock-other"]);
        assert_eq!(
            choice.caption(),
            "Medians of all runs. Only in the table is what writes the same as another: `walk, a VMA lock each`, \
             `lock-same` as `lock-vma`. And what writes less than 0.1: `lock-again`."
        );
    }

    #[test]
    fn a_language_that_writes_more_is_drawn() {
        let mut writes = writes(&[
            ("walk-vma", Kind::VmaLock, 2.0, None),
            ("read-vma", Kind::VmaLock, 2.0, None),
        ]);
        writes.rows[1].rust.atomic = 1.0;
        let choice = Choice::of(&writes);
        assert_eq!(choice.drawn.len(), 2);
        assert_eq!(choice.caption(), "Medians of all runs.");
    }
}
