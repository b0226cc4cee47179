// SPDX-License-Identifier: GPL-2.0

//! Several measurements of one thing.

use serde::Serialize;

/// How far apart counts of one thing may be, as a part of their median.
pub const APART: f64 = 0.001;

/// The median, and the least and the most that it could have been.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
    /// All of them, in the order in which they were made.
    pub all: Vec<f64>,
}

impl Spread {
    /// Adds a measurement.
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

    /// What is wrong with counts that ought to be the same.
    pub fn apart(&self) -> Option<String> {
        let (low, high, most) = (self.low, self.high, 100.0 * APART);
        // A width that is no number is not below anything.
        let near = self.width() < APART;
        (!near).then(|| {
            format!("from {low} to {high} instructions in one boot: more than {most} % from their median")
        })
    }

    /// How far from the median the others are at most, as a part of it.
    pub fn width(&self) -> f64 {
        (self.high - self.median).max(self.median - self.low) / self.median
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Spread {
        let mut spread = Spread::default();
        values.iter().for_each(|value| spread.add(*value));
        spread
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(of(&[3.0, 1.0, 100.0]).median, 3.0);
        assert_eq!(of(&[3.0, 1.0, 100.0, 4.0]).median, 3.5);
        assert_eq!(of(&[7.0]).median, 7.0);
    }

    #[test]
    fn the_width_is_the_greater_distance() {
        let spread = of(&[10.0, 9.0, 14.0]);
        assert_eq!((spread.low, spread.high), (9.0, 14.0));
        assert_eq!(spread.width(), 0.4);
        assert_eq!(of(&[5.0, 5.0]).width(), 0.0);
    }
}
