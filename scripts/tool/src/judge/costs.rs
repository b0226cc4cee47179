// SPDX-License-Identifier: GPL-2.0

//! Walks and look-ups: among few and many VMAs, and among VMAs close together and far apart.

use super::bounds::BOUNDS;
use super::records::{Cost, Layout, Record, of_kind};
use super::{C, Rust, Spread, Table, cells, check, clock, group, judge_clock, sides, work};
use crate::report::Outcome;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Layouts differ in the number of VMAs.
    Count,
    /// In the range over which they are spread.
    Span,
}

#[derive(Serialize)]
pub struct Costs {
    by: By,
    clock: Spread,
    pub figures: Vec<Figure>,
}

#[derive(Serialize)]
pub struct Figure {
    pub operation: String,
    layout: Layout,
    vmas: u64,
    pub c: Spread,
    pub rust: Spread,
    work: Vec<(u64, u64)>,
}

impl Figure {
    fn gaps(&self) -> &'static str {
        if self.layout.gaps {
            "with gaps"
        } else {
            "without gaps"
        }
    }

    fn among(&self, by: By) -> String {
        if by == By::Count {
            return format!("{} VMAs", self.vmas);
        }
        let units = ["B", "KiB", "MiB", "GiB", "TiB"].into_iter().zip(0..);
        let sizes = units.map(|(unit, power)| (self.layout.span >> (10 * power), unit));
        let (size, unit) = sizes
            .take_while(|(size, _)| *size > 0)
            .last()
            .unwrap_or((0, "B"));
        format!("{size} {unit} {}", self.gaps())
    }

    fn ratio(&self) -> f64 {
        match self.c.median {
            0.0 => f64::INFINITY,
            c => self.rust.median / c,
        }
    }
}

impl Costs {
    pub fn of(by: By, records: &[Record]) -> Self {
        let runs = of_kind!(records, Cost).map(|run| ((&run.operation, &run.layout), run));
        let figure = |((operation, layout), runs): ((&String, &Layout), Vec<&Cost>)| {
            let mut sides = sides(runs.iter().map(|run| (run.language, &run.done)));
            let all = sides.values().flat_map(|side| &side.work).copied();
            let work = work(all);
            let mut gross = |of| sides.remove(&of).map(|side| side.gross).unwrap_or_default();
            Figure {
                operation: operation.clone(),
                layout: layout.clone(),
                vmas: runs.first().map_or(0, |run| run.vmas),
                c: gross(C),
                rust: gross(Rust),
                work,
            }
        };
        Self {
            by,
            clock: clock(records),
            figures: group(runs).into_iter().map(figure).collect(),
        }
    }

    pub fn judge(&self) -> Outcome {
        let (mut outcome, bounds) = (Outcome::default(), &BOUNDS.costs);
        let mut ends = BTreeMap::<_, Vec<f64>>::new();
        if self.by == By::Count {
            judge_clock(&self.clock, &mut outcome);
        }
        check!(
            outcome,
            !self.figures.is_empty(),
            "costs: nothing was measured"
        );
        for figure in &self.figures {
            let operation = &figure.operation;
            let name = format!("{operation}, {}", figure.among(self.by));
            check!(
                outcome,
                figure.work.len() == 1,
                "{name}: not the same work in each run: {:?}",
                figure.work
            );
            for (language, gross) in [(C, &figure.c), (Rust, &figure.rust)] {
                let apart = gross.apart(&format!("{name} in {}", language.title()));
                outcome.none(apart);
            }
            let most = match (&**operation, self.by) {
                ("walk-loop", By::Count) => bounds.walk_loop.count,
                ("walk-loop", By::Span) if figure.layout.gaps => bounds.walk_loop.gaps,
                ("walk-loop", By::Span) => bounds.walk_loop.span,
                _ => bounds.most,
            };
            let ratio = figure.ratio();
            check!(
                outcome,
                ratio <= most,
                "{name}: Rust takes {ratio:.3} times as many instructions as C: more than {most}"
            );
            // By count the least and the most say something about walks alone.
            if self.by == By::Span || operation.starts_with("walk-") {
                let all = ends.entry((operation, figure.gaps())).or_default();
                all.push(figure.rust.median);
            }
        }
        for ((operation, place), all) in ends {
            let ends = Spread::of(all);
            let times = if ends.low > 0.0 {
                ends.high / ends.low
            } else {
                f64::INFINITY
            };
            let on = if self.by == By::Count {
                "number"
            } else {
                "distance"
            };
            check!(
                outcome,
                times <= bounds.flat,
                "{operation} {place}: a VMA costs up to {times:.2} times as much, depending on their {on}: more than {}",
                bounds.flat
            );
        }
        outcome
    }

    pub fn table(&self) -> Table {
        let more = match self.by {
            By::Count => "",
            By::Span => ", 1000 mappings spread over a range",
        };
        let row = |one: &Figure| {
            let width = f64::max(one.c.width(), one.rust.width());
            cells![
                one.operation,
                one.among(self.by),
                format!("{:.2}", one.c.median),
                format!("{:.2}", one.rust.median),
                format!("{:.4}", one.ratio()),
                format!("{:.2} %", 100.0 * width)
            ]
        };
        Table::new(
            format!("Guest instructions for each VMA or call{more}"),
            "operation | among | C | Rust | Rust / C | spread",
            self.figures.iter().map(row),
        )
    }
}

#[cfg(test)]
#[rustfmt::skip] // A case of a table is a line.
mod tests {
    use super::super::Language;
    use super::super::records::{Done, Loop};
    use super::*;

    fn run(operation: &str, of: Language, ticks: u64, span: u64, gaps: bool, sum: u64) -> Record {
        let mappings = span >> 12;
        let operations = 100;
        Record::Cost(Cost {
            layout: Layout { mappings, span, gaps },
            vmas: mappings + 12,
            operation: operation.to_string(),
            language: of,
            done: Done { operations, ticks, sum },
        })
    }

    fn with_clock(mut runs: Vec<Record>) -> Vec<Record> {
        let (instructions, ticks) = (1000, 1000);
        runs.push(Record::Loop(Loop { instructions, ticks }));
        runs
    }

    /// Two runs in C and Rust in each of two layouts, with the ticks for 100 VMAs.
    fn costs(by: By, operation: &str, gaps: bool, ticks: [[u64; 2]; 2]) -> Costs {
        let mut runs = Vec::new();
        for (span, [c, rust]) in [4 << 20, 1 << 30].into_iter().zip(ticks) {
            for (language, ticks) in [(C, c), (C, c), (Rust, rust), (Rust, rust)] {
                runs.push(run(operation, language, ticks, span, gaps, 5));
            }
        }
        Costs::of(by, &with_clock(runs))
    }

    #[test]
    fn costly_or_layout_dependent_rust_fails() {
        use By::{Count, Span};
        let more = "lock-two, 4 MiB with gaps: Rust takes 1.030 times as many instructions as C: more than 1.02";
        let times = "a VMA costs up to 1.40 times as much, depending on their";
        let number = &*format!("walk-vma without gaps: {times} number: more than 1.3");
        let distance = &*format!("read-vma with gaps: {times} distance: more than 1.3");
        let slow = [[10_000, 10_000], [14_000, 14_000]];
        for (by, operation, gaps, ticks, failed, said) in [
            (Count, "walk-vma", false, [[10_000, 10_200], [12_000, 12_000]], 0, ""),
            (Count, "walk-vma", false, [[10_000, 10_210]; 2], 2, "1.021 times"),
            (Span, "lock-two", true, [[10_000, 10_300]; 2], 2, more),
            (Count, "walk-loop", false, [[10_000, 27_500]; 2], 0, ""),
            (Count, "walk-loop", false, [[10_000, 27_600]; 2], 2, "more than 2.75"),
            (Span, "walk-loop", false, [[10_000, 22_000]; 2], 0, ""),
            (Span, "walk-loop", false, [[10_000, 22_100]; 2], 2, "more than 2.2"),
            (Span, "walk-loop", true, [[10_000, 34_000]; 2], 0, ""),
            (Span, "walk-loop", true, [[10_000, 34_100]; 2], 2, "more than 3.4"),
            (Count, "walk-vma", false, slow, 1, number),
            (Span, "read-vma", true, slow, 1, distance),
            (Count, "read-vma", true, slow, 0, ""),
            (Count, "walk-vma", false, [[10_000, 10_000], [14_000, 10_000]], 0, ""),
        ] {
            let outcome = costs(by, operation, gaps, ticks).judge();
            assert_eq!(outcome.failed, failed, "{:?}", outcome.failures);
            assert!(outcome.failures.concat().contains(said), "{:?}", outcome.failures);
        }
        let passed = costs(Count, "walk-vma", false, [[10_000; 2]; 2]).judge().passed;
        assert_eq!(passed, 11);
    }

    #[test]
    fn runs_that_differ_or_are_missing_fail() {
        let apart =
            "read-vma, 22 VMAs in Rust: from 100 to 100.3 instructions in one boot: more than 0.1 % from their median";
        let work = "read-vma, 22 VMAs: not the same work in each run: [(100, 5), (100, 6)]";
        let run = |language, ticks, sum| run("read-vma", language, ticks, 40960, false, sum);
        for (ticks, sum, said) in [(10_010, 5, None), (10_030, 5, Some(apart)), (10_000, 6, Some(work))] {
            let runs = vec![run(C, 10_000, 5), run(Rust, 10_000, 5), run(Rust, ticks, sum)];
            let failures = Costs::of(By::Count, &with_clock(runs)).judge().failures;
            assert_eq!(failures, Vec::from_iter(said));
        }
        let failed = |by, records: &[Record]| Costs::of(by, records).judge().failed;
        assert_eq!([By::Count, By::Span].map(|by| failed(by, &[])), [2, 1]);
        assert_eq!(failed(By::Count, &with_clock(vec![run(C, 10_000, 5)])), 1);
    }

    #[test]
    fn the_table_has_both_languages() {
        let costs = costs(By::Span, "lock-two", true, [[10_000, 10_100], [10_200, 10_300]]);
        let cells = ["lock-two", "1 GiB with gaps", "102.00", "103.00", "1.0098", "0.00 %"];
        assert_eq!(costs.table().rows[1], cells);
    }
}
