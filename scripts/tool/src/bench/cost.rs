// SPDX-License-Identifier: GPL-2.0

//! What each operation costs in C and in Rust, in guest instructions, and whether that is as it should be.

use super::clock::Clock;
use super::lines::{self, Line};
use super::spread::Spread;
use crate::report::Outcome;
use serde::Serialize;
use std::collections::BTreeSet;

/// How much more than C Rust may take.
const MOST: f64 = 1.02;

/// The same where C is a loop over `lock_next_vma()`, which goes on from its place in the tree. A cursor searches from the
/// root: the loop misses what moved from one VMA to its neighbour, holds RCU all the time, and follows NULL if the tree
/// is emptied meanwhile.
const MOST_OF_LOOP: f64 = 2.75;

/// How much more a VMA may cost among many VMAs than among few, or the other way round.
const FLAT: f64 = 1.3;

/// One operation, at one number of VMAs.
#[derive(Debug, Serialize)]
pub struct Figure {
    pub operation: String,
    pub mappings: u64,
    pub vmas: u64,
    pub c: Side,
    pub rust: Side,
}

/// An operation in one language.
#[derive(Debug, Default, Serialize)]
pub struct Side {
    /// Instructions for each VMA that was seen.
    pub cost: Spread,
    /// What was done and read in a run: the same in all of them.
    pub work: BTreeSet<(u64, u64)>,
}

/// All that was measured.
#[derive(Debug, Default, Serialize)]
pub struct Costs {
    pub clock: Clock,
    pub figures: Vec<Figure>,
}

impl Figure {
    pub fn ratio(&self) -> f64 {
        self.rust.cost.median / self.c.cost.median
    }

    fn side(&mut self, language: &str) -> &mut Side {
        match language {
            "c" => &mut self.c,
            _ => &mut self.rust,
        }
    }

    fn most(&self) -> f64 {
        match self.operation.as_str() {
            "walk-loop" => MOST_OF_LOOP,
            _ => MOST,
        }
    }

    fn name(&self) -> String {
        format!("{}, {} VMAs", self.operation, self.vmas)
    }
}

impl Costs {
    pub fn of(lines: &[Line]) -> Self {
        let mut costs = Self::default();
        for line in lines {
            match line {
                Line::Loop(timed) => costs.clock.add(timed),
                Line::Cost(cost) => costs.add(cost),
                _ => (),
            }
        }
        costs
    }

    fn add(&mut self, cost: &lines::Cost) {
        let side = self.figure(cost).side(&cost.language);
        side.cost
            .add(cost.ticks as f64 / cost.operations.max(1) as f64);
        side.work.insert((cost.operations, cost.sum));
    }

    fn figure(&mut self, cost: &lines::Cost) -> &mut Figure {
        let same = |figure: &Figure| {
            (&figure.operation, figure.mappings) == (&cost.operation, cost.mappings)
        };
        let at = match self.figures.iter().position(same) {
            Some(at) => at,
            None => {
                self.figures.push(Figure {
                    operation: cost.operation.clone(),
                    mappings: cost.mappings,
                    vmas: cost.vmas,
                    c: Side::default(),
                    rust: Side::default(),
                });
                self.figures.len() - 1
            }
        };
        &mut self.figures[at]
    }

    /// The figures of an operation, from few VMAs to many.
    pub fn of_operation<'a>(
        &'a self,
        operation: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a Figure> {
        self.figures
            .iter()
            .filter(move |figure| figure.operation == operation)
    }

    /// What an operation takes in C and in Rust among the most VMAs that were tried.
    pub fn alone(&self, operation: &str) -> Option<[f64; 2]> {
        let figure = self.of_operation(operation).last()?;
        Some([figure.c.cost.median, figure.rust.cost.median])
    }

    /// The operations, in the order in which they were measured.
    pub fn operations(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for figure in &self.figures {
            if !all.contains(&figure.operation.as_str()) {
                all.push(&figure.operation);
            }
        }
        all
    }

    /// The most that an operation costs at any number of VMAs, as a multiple of the least.
    pub fn flatness(&self, operation: &str, side: fn(&Figure) -> &Side) -> f64 {
        let costs = self.of_operation(operation).map(|f| side(f).cost.median);
        let (low, high) = costs.fold((f64::INFINITY, 0.0_f64), |(low, high), cost| {
            (low.min(cost), high.max(cost))
        });
        high / low
    }

    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        self.clock.judge(&mut outcome);
        for figure in &self.figures {
            let name = figure.name();
            let same = figure.c.work == figure.rust.work && figure.c.work.len() == 1;
            outcome.check(same, || {
                let (c, rust) = (&figure.c.work, &figure.rust.work);
                format!("{name}: not the same work in each run: C {c:?}, Rust {rust:?}")
            });
            for (language, side) in [("C", &figure.c), ("Rust", &figure.rust)] {
                let apart = side.cost.apart();
                outcome.check(apart.is_none(), || {
                    format!("{name} in {language}: {}", apart.unwrap_or_default())
                });
            }
            let (ratio, most) = (figure.ratio(), figure.most());
            outcome.check(ratio <= most, || {
                format!("{name}: Rust takes {ratio:.3} times as many instructions as C: more than {most}")
            });
        }
        for operation in self.operations().iter().filter(|name| is_walk(name)) {
            let flatness = self.flatness(operation, |figure| &figure.rust);
            outcome.check(flatness <= FLAT, || {
                format!("{operation}: a VMA costs up to {flatness:.2} times as much, depending on how many there are: more than {FLAT}")
            });
        }
        outcome
    }
}

/// Whether an operation goes over all VMAs.
pub fn is_walk(operation: &str) -> bool {
    operation.starts_with("walk-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of one operation at two sizes, with so many ticks for 100 VMAs.
    fn costs(ticks: [[u64; 2]; 2]) -> Costs {
        let mut lines = vec!["loop 1000 1001".to_string()];
        for (vmas, ticks) in [10, 1000].iter().zip(ticks) {
            for (language, ticks) in ["c", "rust"].iter().zip(ticks) {
                let line = format!("cost {vmas} {vmas} walk-vma {language} 100 {ticks} 5");
                lines.extend([line.clone(), line]);
            }
        }
        judged(&lines)
    }

    fn judged(lines: &[String]) -> Costs {
        let lines: Vec<Line> = lines.iter().map(|l| Line::parse(l).unwrap()).collect();
        Costs::of(&lines)
    }

    #[test]
    fn what_is_as_it_should_be_passes() {
        let costs = costs([[10_000, 10_200], [12_000, 12_000]]);
        assert_eq!(costs.judge().failures, [""; 0]);
        assert_eq!(costs.judge().passed, 10);
        assert_eq!(costs.figures[0].ratio(), 1.02);
        assert_eq!(costs.figures[0].rust.cost.all, [102.0, 102.0]);
        assert_eq!(costs.operations(), ["walk-vma"]);
    }

    #[test]
    fn runs_that_are_not_the_same_are_a_failure() {
        let lines = |ticks: u64| {
            [
                "loop 1000 1000".to_string(),
                "cost 10 10 read-vma c 100 10000 5".to_string(),
                "cost 10 10 read-vma rust 100 10000 5".to_string(),
                format!("cost 10 10 read-vma rust 100 {ticks} 5"),
            ]
        };
        assert_eq!(judged(&lines(10_010)).judge().failures, [""; 0]);
        assert_eq!(
            judged(&lines(10_030)).judge().failures,
            [
                "read-vma, 10 VMAs in Rust: from 100 to 100.3 instructions in one boot: more than 0.1 % from their median"
            ]
        );
    }

    #[test]
    fn rust_that_takes_longer_is_a_failure() {
        assert_eq!(
            costs([[10_000, 10_210], [10_000, 10_000]]).judge().failures,
            ["walk-vma, 10 VMAs: Rust takes 1.021 times as many instructions as C: more than 1.02"]
        );
    }

    #[test]
    fn a_walk_that_slows_down_is_a_failure_in_rust_only() {
        let slow = costs([[10_000, 10_000], [14_000, 14_000]]);
        assert_eq!(
            slow.judge().failures,
            [
                "walk-vma: a VMA costs up to 1.40 times as much, depending on how many there are: more than 1.3"
            ]
        );
        assert_eq!(slow.flatness("walk-vma", |figure| &figure.c), 1.4);
        let only_c = costs([[10_000, 10_000], [14_000, 10_000]]);
        assert_eq!(only_c.judge().failed, 0);
    }

    #[test]
    fn other_work_is_a_failure() {
        let lines = |sum: u64| {
            [
                "loop 1000 1000".to_string(),
                "cost 10 10 read-vma c 100 100 5".to_string(),
                format!("cost 10 10 read-vma rust 100 100 {sum}"),
            ]
        };
        assert_eq!(judged(&lines(5)).judge().failed, 0);
        assert_eq!(
            judged(&lines(6)).judge().failures,
            ["read-vma, 10 VMAs: not the same work in each run: C {(100, 5)}, Rust {(100, 6)}"]
        );
    }
}
