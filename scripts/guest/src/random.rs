// SPDX-License-Identifier: GPL-2.0

//! Random numbers that come again with the same seed.

use std::ops::Range;

/// A sequence of numbers.
#[derive(Clone, Debug)]
pub struct Random(fastrand::Rng);

impl Random {
    /// Returns the sequence of a seed, and of one of those that share it.
    pub fn new(seed: u64, who: u64) -> Self {
        Self(fastrand::Rng::with_seed(
            seed ^ who.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        ))
    }

    /// Returns a number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end)
    }

    /// Returns one of these.
    pub fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Returns a range within `0..end` that is not empty.
    pub fn part(&mut self, end: usize) -> Range<usize> {
        let start = self.below(end);
        start..start + 1 + self.below(end - start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_and_users_differ() {
        let some = |seed, who| {
            let mut random = Random::new(seed, who);
            [(); 6].map(|()| random.below(1 << 20))
        };
        assert_eq!(some(1, 0), some(1, 0));
        assert_ne!(some(1, 0), some(3, 0));
        assert_ne!(some(1, 0), some(1, 1));
        let mut random = Random::new(1, 0);
        let parts = (0..1000).map(|_| random.part(4));
        let parts = parts.collect::<std::collections::HashSet<_>>();
        assert!(
            parts
                .iter()
                .all(|part| part.start < part.end && part.end <= 4)
        );
        assert_eq!(parts.len(), 4 + 3 + 2 + 1);
    }
}
