// SPDX-License-Identifier: GPL-2.0

//! Several measurements of the same quantity.

use crate::report::Outcome;
use bench_records::Loop;
use serde::Serialize;

/// How far counts of the same work may be from their median, as a fraction of it.
pub const APART: f64 = 0.001;

/// How far the clock may be from the number of executed instructions, as a fraction.
const EXACT: f64 = 0.005;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
    /// In the order of measurement.
    pub all: Vec<f64>,
}

impl Spread {
    pub fn add(&mut self, value: f64) {
        self.all.push(value);
        let mut sorted = self.all.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let (middle, last) = (sorted.len() / 2, sorted.len() - 1);
        self.median = match sorted.len() % 2 {
            1 => sorted[middle],
            _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
        };
        (self.low, self.high) = (sorted[0], sorted[last]);
    }

    /// Returns the greatest distance from the median, as a fraction of it.
    pub fn width(&self) -> f64 {
        (self.high - self.median).max(self.median - self.low) / self.median
    }

    /// Says what is wrong with counts that should be equal. Missing counts are wrong.
    pub fn apart(&self) -> Option<String> {
        let (low, high, most) = (self.low, self.high, 100.0 * APART);
        let is_near = self.width() < APART;
        (!is_near).then(|| {
            format!("from {low} to {high} instructions in one boot: more than {most} % from their median")
        })
    }

    /// Adds the ticks per instruction of a loop.
    pub fn add_loop(&mut self, timed: &Loop) {
        self.add(timed.ticks as f64 / timed.instructions as f64);
    }

    /// Judges the ticks per instruction of loops.
    pub fn judge_clock(&self, outcome: &mut Outcome) {
        let ticks = self.median;
        outcome.check((ticks - 1.0).abs() <= EXACT, || {
            format!("the clock does not count instructions: {ticks:.4} ticks for each of a loop")
        });
    }
}

impl FromIterator<f64> for Spread {
    fn from_iter<T: IntoIterator<Item = f64>>(values: T) -> Self {
        let mut spread = Self::default();
        values.into_iter().for_each(|value| spread.add(value));
        spread
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_width_are_computed() {
        let of = |values: &[f64]| values.iter().copied().collect::<Spread>();
        assert_eq!(of(&[3.0, 1.0, 100.0]).median, 3.0);
        assert_eq!(of(&[3.0, 1.0, 100.0, 4.0]).median, 3.5);
        let spread = of(&[10.0, 9.0, 14.0]);
        assert_eq!((spread.low, spread.high, spread.width()), (9.0, 14.0, 0.4));
        assert_eq!(of(&[5.0, 5.0]).apart(), None);
        assert!(of(&[5.0, 5.02]).apart().is_some() && of(&[]).apart().is_some());
    }

    #[test]
    fn clock_must_count_instructions() {
        let failed = |ticks: &[f64]| {
            let mut outcome = Outcome::default();
            let clock: Spread = ticks.iter().copied().collect();
            clock.judge_clock(&mut outcome);
            outcome.failed
        };
        assert_eq!([&[1.004][..], &[1.01], &[]].map(failed), [0, 1, 1]);
    }
}
