// SPDX-License-Identifier: GPL-2.0

//! What is kept of many times.

/// Of how many times it is made, and some of them in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    pub count: u64,
    pub median: u64,
    pub p99: u64,
    pub worst: u64,
}

impl Summary {
    /// The summary of some times; zeros if there are none.
    pub fn of(times: &mut [u64]) -> Self {
        times.sort_unstable();
        let last = times.len().saturating_sub(1);
        let at = |percent: usize| times.get(last * percent / 100).copied().unwrap_or(0);
        Self {
            count: times.len() as u64,
            median: at(50),
            p99: at(99),
            worst: at(100),
        }
    }

    pub fn words(&self) -> [u64; 4] {
        [self.count, self.median, self.p99, self.worst]
    }

    pub fn from_words([count, median, p99, worst]: [u64; 4]) -> Self {
        Self {
            count,
            median,
            p99,
            worst,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_put_in_order() {
        let mut times: Vec<u64> = (0..=100).rev().collect();
        let summary = Summary::of(&mut times);
        assert_eq!(summary.words(), [101, 50, 99, 100]);
        assert_eq!(Summary::from_words(summary.words()), summary);
    }

    #[test]
    fn one_time_is_all_and_none_is_nothing() {
        assert_eq!(Summary::of(&mut [7]).words(), [1, 7, 7, 7]);
        assert_eq!(Summary::of(&mut []).words(), [0; 4]);
    }
}
