// SPDX-License-Identifier: GPL-2.0

//! Whether the guest's clock counts instructions: a loop of so many was timed.

use super::lines::Loop;
use super::spread::Spread;
use crate::report::Outcome;
use serde::Serialize;

/// How far the clock may be from the instructions that were executed.
const EXACT: f64 = 0.005;

/// What it said for each instruction of a loop.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Clock(pub Spread);

impl Clock {
    pub fn add(&mut self, timed: &Loop) {
        self.0.add(timed.ticks as f64 / timed.instructions as f64);
    }

    pub fn judge(&self, outcome: &mut Outcome) {
        let ticks = self.0.median;
        outcome.check((ticks - 1.0).abs() <= EXACT, || {
            format!("the clock does not count instructions: {ticks:.4} ticks for each of a loop")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_does_not_count_is_a_failure() {
        let failures = |loops: &[(u64, u64)]| {
            let mut clock = Clock::default();
            for (instructions, ticks) in loops.iter().copied() {
                clock.add(&Loop {
                    instructions,
                    ticks,
                });
            }
            let mut outcome = Outcome::default();
            clock.judge(&mut outcome);
            outcome.failures
        };
        assert_eq!(failures(&[(1000, 1004)]), [""; 0]);
        let said = [
            "the clock does not count instructions: 1.0100 ticks for each of a loop".to_string(),
        ];
        assert_eq!(failures(&[(1000, 1010)]), said);
        // Without a loop nothing is known.
        assert_eq!(failures(&[]).len(), 1);
    }
}
