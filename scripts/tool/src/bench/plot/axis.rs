// SPDX-License-Identifier: GPL-2.0

//! An axis: where a value is, and which values are written beside it.

/// How values are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    Linear,
    Log,
}

/// A scale with its ends.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
}

/// Values around 1 that people know at sight.
const RATIOS: [f64; 25] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.5, 2.0, 3.0,
    5.0, 7.0, 10.0, 20.0, 50.0, 100.0, 1000.0,
];

impl Axis {
    /// From 0 to the greatest.
    pub fn linear(values: impl Iterator<Item = f64>) -> Self {
        let (_, high) = ends(values, |value| value >= 0.0).unwrap_or((0.0, 1.0));
        let high = if high > 0.0 { high } else { 1.0 };
        Self {
            scale: Scale::Linear,
            low: 0.0,
            high: high * 1.04,
        }
    }

    /// From the decade of the least to the greatest; what is not above 0 is where the axis begins.
    pub fn log(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = ends(values, |value| value > 0.0).unwrap_or((1.0, 10.0));
        let low = 10_f64.powf(low.log10().floor());
        Self {
            scale: Scale::Log,
            low,
            high: (high * 1.1).max(low * 10.0),
        }
    }

    /// Around 1, and as far as the values go.
    pub fn ratio(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = ends(values, |value| value > 0.0).unwrap_or((1.0, 1.0));
        Self {
            scale: Scale::Log,
            low: (low / 1.05).min(0.8),
            high: (high * 1.05).max(1.25),
        }
    }

    pub fn of(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        match scale {
            Scale::Linear => Self::linear(values),
            Scale::Log => Self::log(values),
        }
    }

    /// Where a value is between the ends, from 0 to 1.
    pub fn at(&self, value: f64) -> f64 {
        let part = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
        };
        part.clamp(0.0, 1.0)
    }

    /// Values to write beside it, not nearer to each other than that part of it.
    pub fn ticks(&self, nearest: f64) -> Vec<f64> {
        match self.scale {
            Scale::Linear => self.steps(nearest),
            Scale::Log => {
                let decades = (self.high / self.low).log10();
                let multiples: &[f64] = match decades {
                    d if d <= 2.5 => &[1.0, 2.0, 5.0],
                    _ => &[1.0],
                };
                let first = self.low.log10().floor() as i32;
                let last = self.high.log10().ceil() as i32;
                let all = (first..=last)
                    .flat_map(|exponent| multiples.iter().map(move |m| m * 10_f64.powi(exponent)));
                self.apart(all, nearest)
            }
        }
    }

    /// The same for ratios: outwards from 1.
    pub fn ratio_ticks(&self, nearest: f64) -> Vec<f64> {
        let one = RATIOS.iter().position(|r| *r == 1.0).unwrap_or(0);
        let up = self.apart(RATIOS[one..].iter().copied(), nearest);
        let down = self.apart(RATIOS[..=one].iter().rev().copied(), nearest);
        down.into_iter().skip(1).rev().chain(up).collect()
    }

    fn apart(&self, all: impl Iterator<Item = f64>, nearest: f64) -> Vec<f64> {
        let mut ticks: Vec<f64> = Vec::new();
        for tick in all.filter(|t| (self.low * 0.999..=self.high * 1.001).contains(t)) {
            let near = |last: &f64| (self.at(tick) - self.at(*last)).abs() < nearest;
            if !ticks.last().is_some_and(near) {
                ticks.push(tick);
            }
        }
        ticks
    }

    /// Multiples of a round number.
    fn steps(&self, nearest: f64) -> Vec<f64> {
        let least = (self.high - self.low) * nearest;
        let decade = 10_f64.powf(least.log10().floor());
        let multiples = [1.0, 2.0, 5.0, 10.0];
        let step = multiples
            .iter()
            .map(|m| m * decade)
            .find(|step| *step >= least * 0.999);
        let step = step.unwrap_or(10.0 * decade);
        let count = ((self.high - self.low) / step).floor() as u32;
        (0..=count)
            .map(|n| self.low + f64::from(n) * step)
            .collect()
    }
}

/// The least and the greatest of those that count.
fn ends(values: impl Iterator<Item = f64>, counts: impl Fn(f64) -> bool) -> Option<(f64, f64)> {
    values
        .filter(|value| value.is_finite() && counts(*value))
        .fold(None, |ends, value| match ends {
            None => Some((value, value)),
            Some((low, high)) => Some((value.min(low), value.max(high))),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: &[f64], b: &[f64]) -> bool {
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .all(|(a, b)| (a - b).abs() <= b.abs() * 1e-9)
    }

    #[test]
    fn values_are_where_they_belong() {
        let linear = Axis::linear([5.0, 10.0].into_iter());
        assert_eq!(linear.at(0.0), 0.0);
        assert!((linear.at(5.2) - 0.5).abs() < 1e-9);
        let log = Axis::log([3.0, 10_000.0 / 1.1].into_iter());
        assert!((log.at(100.0) - 0.5).abs() < 1e-9);
        // None and nothing are at the beginning, and not lost.
        assert_eq!((log.at(0.0), log.at(-1.0)), (0.0, 0.0));
        assert_eq!(log.at(1e9), 1.0);
    }

    #[test]
    fn what_cannot_be_measured_does_not_move_the_ends() {
        let axis = Axis::log([f64::NAN, f64::INFINITY, 0.0, 20.0, 50.0].into_iter());
        assert_eq!(axis.at(10.0), 0.0);
        assert!(axis.at(20.0) > 0.0 && axis.at(50.0) < 1.0);
        assert_eq!(Axis::linear([].into_iter()).at(0.0), 0.0);
    }

    #[test]
    fn ticks_are_round() {
        let linear = Axis::linear([0.0, 95.0].into_iter());
        assert!(close(
            &linear.ticks(0.1),
            &[0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]
        ));
        let log = Axis::log([1.0, 90.0].into_iter());
        assert!(close(&log.ticks(0.05), &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0]));
        let far = Axis::log([1.0, 90_000.0].into_iter());
        assert!(close(&far.ticks(0.05), &[1.0, 10.0, 100.0, 1e3, 1e4]));
    }

    #[test]
    fn ratios_have_one_among_their_ticks() {
        for values in [[0.99, 1.01], [0.5, 9.0], [1.0, 40.0]] {
            let ticks = Axis::ratio(values.into_iter()).ratio_ticks(0.06);
            assert!(ticks.contains(&1.0), "{ticks:?}");
            assert!(ticks.is_sorted() && ticks.len() >= 3, "{ticks:?}");
        }
    }
}
