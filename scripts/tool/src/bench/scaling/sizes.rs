// SPDX-License-Identifier: GPL-2.0

//! What operations cost where as many VMAs are close together and far apart, in guest instructions.

use crate::bench::lines::{self, Line};
use crate::bench::spread::Spread;
use crate::report::Outcome;
use serde::Serialize;
use std::collections::BTreeSet;

/// How much more an operation may cost at one distance than at another, in Rust.
const FLAT: f64 = 1.3;

/// How much more than C Rust may take.
const MOST: f64 = 1.02;

/// The same where C is a loop that goes on from its place in the tree and does not notice what others change. A cursor
/// searches from the root, and where there is a gap twice: for its end, and to lock.
const MOST_OF_LOOP: f64 = 2.2;
const MOST_OF_LOOP_WITH_GAPS: f64 = 3.4;

/// One operation at one distance.
#[derive(Debug, Serialize)]
pub struct Figure {
    pub operation: String,
    /// The bytes over which the mappings are spread, and whether they leave gaps.
    pub span: u64,
    pub gaps: bool,
    pub vmas: u64,
    /// Instructions for each VMA that was seen, or each call.
    pub c: Spread,
    pub rust: Spread,
    /// What was done and read in a run, by whom.
    #[serde(skip)]
    work: BTreeSet<(u64, u64)>,
}

#[derive(Debug, Default, Serialize)]
pub struct Sizes {
    pub figures: Vec<Figure>,
}

impl Figure {
    pub fn ratio(&self) -> f64 {
        self.rust.median / self.c.median
    }

    fn most(&self) -> f64 {
        match (self.operation.as_str(), self.gaps) {
            ("walk-loop", true) => MOST_OF_LOOP_WITH_GAPS,
            ("walk-loop", false) => MOST_OF_LOOP,
            _ => MOST,
        }
    }
}

/// Whether there are gaps, in words.
pub fn gaps(are_there: bool) -> &'static str {
    match are_there {
        true => "with gaps",
        false => "without gaps",
    }
}

impl Sizes {
    pub fn of(lines: &[Line]) -> Self {
        let mut sizes = Self::default();
        for line in lines {
            let Line::Size(size) = line else {
                continue;
            };
            let figure = sizes.figure(size);
            let cost = size.ticks as f64 / size.operations.max(1) as f64;
            match size.language.as_str() {
                "c" => figure.c.add(cost),
                _ => figure.rust.add(cost),
            }
            figure.work.insert((size.operations, size.sum));
        }
        sizes
    }

    fn figure(&mut self, size: &lines::Size) -> &mut Figure {
        let same = |figure: &Figure| {
            (figure.operation.as_str(), figure.span, figure.gaps)
                == (size.operation.as_str(), size.span, size.gaps)
        };
        let at = match self.figures.iter().position(same) {
            Some(at) => at,
            None => {
                self.figures.push(Figure {
                    operation: size.operation.clone(),
                    span: size.span,
                    gaps: size.gaps,
                    vmas: size.vmas,
                    c: Spread::default(),
                    rust: Spread::default(),
                    work: BTreeSet::new(),
                });
                self.figures.len() - 1
            }
        };
        &mut self.figures[at]
    }

    /// For each operation, with gaps and without: the most that it costs in Rust at any distance, as a multiple of the
    /// least.
    pub fn flatness(&self) -> Vec<(&str, bool, f64)> {
        let mut all: Vec<(&str, bool, f64, f64)> = Vec::new();
        for figure in &self.figures {
            let (key, cost) = ((figure.operation.as_str(), figure.gaps), figure.rust.median);
            match all
                .iter_mut()
                .find(|(name, gaps, ..)| (*name, *gaps) == key)
            {
                Some((_, _, low, high)) => (*low, *high) = (low.min(cost), high.max(cost)),
                None => all.push((key.0, key.1, cost, cost)),
            }
        }
        all.into_iter()
            .map(|(name, gaps, low, high)| (name, gaps, high / low))
            .collect()
    }

    pub fn judge(&self) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.check(!self.figures.is_empty(), || {
            "address spaces: nothing was measured".to_string()
        });
        for figure in &self.figures {
            let name = format!(
                "{} over {:#x} bytes {}",
                figure.operation,
                figure.span,
                gaps(figure.gaps)
            );
            let work = &figure.work;
            outcome.check(work.len() == 1, || {
                format!("{name}: not the same work in each run: {work:?}")
            });
            for (language, spread) in [("C", &figure.c), ("Rust", &figure.rust)] {
                let apart = spread.apart();
                outcome.check(apart.is_none(), || {
                    format!("{name} in {language}: {}", apart.unwrap_or_default())
                });
            }
            let (ratio, most) = (figure.ratio(), figure.most());
            outcome.check(ratio <= most, || {
                format!("{name}: Rust takes {ratio:.3} times as many instructions as C: more than {most}")
            });
        }
        for (name, are_there, flatness) in self.flatness() {
            outcome.check(flatness <= FLAT, || {
                format!(
                    "{name} {}: costs up to {flatness:.2} times as much, depending on how far the VMAs are apart: more than {FLAT}",
                    gaps(are_there)
                )
            });
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run in each language over each of two spans, with so many ticks for 100 calls.
    fn sizes(operation: &str, gaps: &str, ticks: [[u64; 2]; 2]) -> Sizes {
        let mut lines = Vec::new();
        for (span, ticks) in [4_194_304, 1_073_741_824].iter().zip(ticks) {
            for (language, ticks) in ["c", "rust"].iter().zip(ticks) {
                let text = format!("size {span} {gaps} 1012 {operation} {language} 100 {ticks} 5");
                lines.push(Line::parse(&text).unwrap());
            }
        }
        Sizes::of(&lines)
    }

    #[test]
    fn costs_that_stay_the_same_pass() {
        let sizes = sizes("read-vma", "none", [[10_000, 10_200], [12_000, 12_000]]);
        assert_eq!(sizes.judge().failures, [""; 0]);
        assert_eq!(sizes.judge().passed, 10);
        assert_eq!(sizes.figures[0].ratio(), 1.02);
    }

    #[test]
    fn costs_that_grow_are_a_failure() {
        let sizes = sizes("read-vma", "gaps", [[10_000, 10_000], [14_000, 14_000]]);
        assert_eq!(
            sizes.judge().failures,
            [
                "read-vma with gaps: costs up to 1.40 times as much, depending on how far the VMAs are apart: more than 1.3"
            ]
        );
    }

    #[test]
    fn rust_that_takes_longer_is_a_failure() {
        let ticks = [[10_000, 10_300], [10_000, 10_000]];
        assert_eq!(
            sizes("lock-two", "none", ticks).judge().failures,
            [
                "lock-two over 0x400000 bytes without gaps: Rust takes 1.030 times as many instructions as C: more than 1.02"
            ]
        );
        assert_eq!(sizes("walk-loop", "none", ticks).judge().failed, 0);
        let ticks = [[10_000, 23_000], [10_000, 21_000]];
        assert_eq!(sizes("walk-loop", "none", ticks).judge().failed, 1);
        assert_eq!(sizes("walk-loop", "gaps", ticks).judge().failed, 0);
        let ticks = [[10_000, 35_000], [10_000, 33_000]];
        assert_eq!(sizes("walk-loop", "gaps", ticks).judge().failed, 1);
        assert_eq!(Sizes::default().judge().failed, 1);
    }

    #[test]
    fn other_work_is_a_failure() {
        let lines = ["c 100 1 5", "rust 100 1 6"]
            .map(|rest| Line::parse(&format!("size 4096 none 3 read-vma {rest}")).unwrap());
        assert_eq!(
            Sizes::of(&lines).judge().failures,
            [
                "read-vma over 0x1000 bytes without gaps: not the same work in each run: {(100, 5), (100, 6)}"
            ]
        );
    }
}
