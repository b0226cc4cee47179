// SPDX-License-Identifier: GPL-2.0

//! The cost of walks and look-ups in C and in Rust, in guest instructions: among few and many VMAs, and among VMAs that
//! are close together and far apart.

use super::spread::Spread;
use crate::page::Table;
use crate::report::Outcome;
use bench_records::{Language, Layout, Record};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The cost of Rust, as a multiple of that of C.
const MOST: f64 = 1.02;

/// The same for a walk that in C is a loop over `lock_next_vma()`, which continues from its place in the tree. A cursor
/// searches from the root: the loop misses a VMA that moved across its place, holds RCU all the time, and dereferences
/// NULL if the tree is emptied meanwhile. With 1000 mappings the tree is not as high; at a gap the cursor searches twice,
/// for its end and to lock.
const MOST_OF_LOOP: f64 = 2.75;
const MOST_OF_LOOP_SPREAD: f64 = 2.2;
const MOST_OF_LOOP_WITH_GAPS: f64 = 3.4;

/// The cost of a VMA in one layout in Rust, as a multiple of that in another.
const FLAT: f64 = 1.3;

/// The difference between the layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    Count,
    Span,
}

#[derive(Debug, Serialize)]
pub struct Costs {
    by: By,
    /// Ticks per instruction, measured with the costs by count.
    clock: Spread,
    figures: Vec<Figure>,
}

/// An operation in a layout: instructions for each VMA that it visits, or each call.
#[derive(Debug, Serialize)]
struct Figure {
    operation: String,
    layout: Layout,
    vmas: u64,
    c: Spread,
    rust: Spread,
    /// The number of operations in a run and the sum of all values read: equal in all runs.
    work: BTreeSet<(u64, u64)>,
}

/// Formats bytes as a multiple of a power of 1024.
fn bytes(mut count: usize) -> String {
    let mut unit = 0;
    while count >= 1024 && unit < 4 {
        (count, unit) = (count / 1024, unit + 1);
    }
    format!("{count} {}", ["B", "KiB", "MiB", "GiB", "TiB"][unit])
}

fn gaps(layout: &Layout) -> &'static str {
    match layout.gaps {
        true => "with gaps",
        false => "without gaps",
    }
}

impl Figure {
    fn ratio(&self) -> f64 {
        self.rust.median / self.c.median
    }

    fn is_walk(&self) -> bool {
        self.operation.starts_with("walk-")
    }

    fn most(&self, by: By) -> f64 {
        match (self.operation.as_str(), by, self.layout.gaps) {
            ("walk-loop", By::Count, _) => MOST_OF_LOOP,
            ("walk-loop", By::Span, false) => MOST_OF_LOOP_SPREAD,
            ("walk-loop", By::Span, true) => MOST_OF_LOOP_WITH_GAPS,
            _ => MOST,
        }
    }

    fn place(&self, by: By) -> String {
        match by {
            By::Count => format!("{} VMAs", self.vmas),
            By::Span => format!("{} {}", bytes(self.layout.span), gaps(&self.layout)),
        }
    }

    fn judge(&self, by: By, outcome: &mut Outcome) {
        let name = format!("{}, {}", self.operation, self.place(by));
        let work = &self.work;
        outcome.check(work.len() == 1, || {
            format!("{name}: not the same work in each run: {work:?}")
        });
        for (language, spread) in [("C", &self.c), ("Rust", &self.rust)] {
            let apart = spread.apart();
            outcome.check(apart.is_none(), || {
                format!("{name} in {language}: {}", apart.unwrap_or_default())
            });
        }
        let (ratio, most) = (self.ratio(), self.most(by));
        outcome.check(ratio <= most, || {
            format!(
                "{name}: Rust takes {ratio:.3} times as many instructions as C: more than {most}"
            )
        });
    }
}

impl Costs {
    pub fn of(by: By, records: &[Record]) -> Self {
        let mut costs = Self {
            by,
            clock: Spread::default(),
            figures: Vec::new(),
        };
        for record in records {
            match record {
                Record::Loop(timed) => costs.clock.add_loop(timed),
                Record::Cost(cost) => costs.add(cost),
                _ => (),
            }
        }
        costs
    }

    fn add(&mut self, cost: &bench_records::Cost) {
        let same =
            |figure: &Figure| (&figure.operation, figure.layout) == (&cost.operation, cost.layout);
        let at = self.figures.iter().position(same).unwrap_or_else(|| {
            self.figures.push(Figure {
                operation: cost.operation.clone(),
                layout: cost.layout,
                vmas: cost.vmas,
                c: Spread::default(),
                rust: Spread::default(),
                work: BTreeSet::new(),
            });
            self.figures.len() - 1
        });
        let figure = &mut self.figures[at];
        let side = match cost.language {
            Language::C => &mut figure.c,
            _ => &mut figure.rust,
        };
        let done = cost.done;
        side.add(done.ticks as f64 / done.operations.max(1) as f64);
        figure.work.insert((done.operations, done.sum));
    }

    /// Returns the instructions of an operation in C and in Rust, in the layout that was measured last.
    pub fn last(&self, operation: &str) -> Option<[f64; 2]> {
        let mut figures = self.figures.iter().rev();
        let figure = figures.find(|figure| figure.operation == operation)?;
        Some([figure.c.median, figure.rust.median])
    }

    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        let by = self.by;
        if by == By::Count {
            self.clock.judge_clock(&mut outcome);
        }
        outcome.check(!self.figures.is_empty(), || {
            "costs: nothing was measured".to_string()
        });
        // The least and the most in Rust. By count it says something about walks alone.
        let mut ends: BTreeMap<(&str, &str), (f64, f64)> = BTreeMap::new();
        for figure in &self.figures {
            figure.judge(by, &mut outcome);
            if by == By::Span || figure.is_walk() {
                let cost = figure.rust.median;
                let key = (figure.operation.as_str(), gaps(&figure.layout));
                let (low, high) = ends.entry(key).or_insert((cost, cost));
                (*low, *high) = (low.min(cost), high.max(cost));
            }
        }
        for ((operation, gaps), (low, high)) in ends {
            let ratio = high / low;
            outcome.check(ratio <= FLAT, || {
                let depending = match by {
                    By::Count => "their number",
                    By::Span => "their distance",
                };
                format!(
                    "{operation} {gaps}: a VMA costs up to {ratio:.2} times as much, depending on {depending}: more than {FLAT}"
                )
            });
        }
        outcome
    }

    pub fn table(&self) -> Table {
        let caption = match self.by {
            By::Count => "Guest instructions for each VMA or call",
            By::Span => {
                "Guest instructions for each VMA or call, 1000 mappings spread over a range"
            }
        };
        let rows = self.figures.iter().map(|figure| {
            let width = figure.c.width().max(figure.rust.width());
            vec![
                figure.operation.clone(),
                figure.place(self.by),
                format!("{:.2}", figure.c.median),
                format!("{:.2}", figure.rust.median),
                format!("{:.4}", figure.ratio()),
                format!("{:.2} %", 100.0 * width),
            ]
        });
        let columns = ["operation", "among", "C", "Rust", "Rust / C", "spread"];
        Table::new(caption, &columns, rows)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{C, Rust, clock, cost};
    use super::*;

    fn layout(span: usize, gaps: bool) -> Layout {
        Layout {
            mappings: span >> 12,
            span,
            gaps,
        }
    }

    /// Two runs of an operation in C and Rust in each of two layouts, with the ticks for 100 VMAs.
    fn costs(by: By, operation: &str, gaps: bool, ticks: [[u64; 2]; 2]) -> Costs {
        let mut records = vec![clock()];
        for (span, ticks) in [4 << 20, 1 << 30].into_iter().zip(ticks) {
            for (language, ticks) in [C, Rust].into_iter().zip(ticks) {
                let record = cost(operation, layout(span, gaps), language, ticks);
                records.extend([record.clone(), record]);
            }
        }
        Costs::of(by, &records)
    }

    #[test]
    fn rust_may_take_a_little_more_than_c() {
        let good = costs(
            By::Count,
            "walk-vma",
            false,
            [[10_000, 10_200], [12_000, 12_000]],
        );
        assert_eq!(good.judge().failures, [""; 0]);
        assert_eq!(good.judge().passed, 11);
        assert_eq!(good.last("walk-vma"), Some([120.0, 120.0]));
        let failures = |by, operation, gaps, rust| {
            costs(by, operation, gaps, [[10_000, rust]; 2])
                .judge()
                .failures
        };
        assert_eq!(
            failures(By::Span, "lock-two", true, 10_300)[0],
            "lock-two, 4 MiB with gaps: Rust takes 1.030 times as many instructions as C: more than 1.02"
        );
        for (by, gaps, most) in [
            (By::Count, false, 27_500),
            (By::Span, false, 22_000),
            (By::Span, true, 34_000),
        ] {
            assert_eq!(failures(by, "walk-loop", gaps, most), [""; 0]);
            assert_eq!(failures(by, "walk-loop", gaps, most + 100).len(), 2);
        }
        assert_eq!(failures(By::Count, "walk-vma", false, 10_210).len(), 2);
    }

    #[test]
    fn layout_dependent_cost_fails_in_rust_only() {
        let ticks = [[10_000, 10_000], [14_000, 14_000]];
        assert_eq!(
            costs(By::Count, "walk-vma", false, ticks).judge().failures,
            [
                "walk-vma without gaps: a VMA costs up to 1.40 times as much, depending on their number: more than 1.3"
            ]
        );
        assert_eq!(
            costs(By::Span, "read-vma", true, ticks).judge().failures,
            [
                "read-vma with gaps: a VMA costs up to 1.40 times as much, depending on their distance: more than 1.3"
            ]
        );
        assert_eq!(costs(By::Count, "read-vma", true, ticks).judge().failed, 0);
        let only_c = [[10_000, 10_000], [14_000, 10_000]];
        assert_eq!(
            costs(By::Count, "walk-vma", false, only_c).judge().failed,
            0
        );
    }

    #[test]
    fn runs_that_differ_are_a_failure() {
        let failures = |ticks, sum| {
            let one = layout(10 << 12, false);
            let mut records = vec![clock(), cost("read-vma", one, C, 10_000)];
            records.push(cost("read-vma", one, Rust, 10_000));
            let mut last = cost("read-vma", one, Rust, ticks);
            if let Record::Cost(cost) = &mut last {
                cost.done.sum = sum;
            }
            records.push(last);
            Costs::of(By::Count, &records).judge().failures
        };
        assert_eq!(failures(10_010, 5), [""; 0]);
        assert_eq!(
            failures(10_030, 5),
            [
                "read-vma, 22 VMAs in Rust: from 100 to 100.3 instructions in one boot: more than 0.1 % from their median"
            ]
        );
        assert_eq!(
            failures(10_000, 6),
            ["read-vma, 22 VMAs: not the same work in each run: {(100, 5), (100, 6)}"]
        );
        assert_eq!(Costs::of(By::Count, &[]).judge().failed, 2);
        assert_eq!(Costs::of(By::Span, &[]).judge().failed, 1);
        // One language is missing.
        let half = [clock(), cost("read-vma", layout(4096, false), C, 10_000)];
        assert_eq!(Costs::of(By::Count, &half).judge().failed, 1);
    }

    #[test]
    fn the_table_has_both_languages() {
        let ticks = [[10_000, 10_100], [10_200, 10_300]];
        let sizes = costs(By::Span, "lock-two", true, ticks);
        assert_eq!(
            sizes.table().rows[1].cells,
            [
                "lock-two",
                "1 GiB with gaps",
                "102.00",
                "103.00",
                "1.0098",
                "0.00 %"
            ]
        );
        assert_eq!(bytes(64 << 40), "64 TiB");
    }
}
