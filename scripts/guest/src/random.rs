// SPDX-License-Identifier: GPL-2.0

//! Numbers that look random and come again with the same seed (xorshift64*).

/// A sequence of numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of a seed, and of one of those that share it.
    pub fn new(seed: u64, who: u64) -> Self {
        let mut random = Self((seed ^ who.wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1);
        // The first ones of seeds that differ by little differ by little.
        for _ in 0..8 {
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A range within `0..end` that is not empty.
    pub fn part(&mut self, end: usize) -> std::ops::Range<usize> {
        let start = self.below(end);
        start..start + 1 + self.below(end - start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_its_sequence_and_no_other() {
        let some = |seed, who| {
            let mut random = Random::new(seed, who);
            [(); 6].map(|()| random.below(1 << 20))
        };
        assert_eq!(some(1, 0), some(1, 0));
        assert_ne!(some(1, 0), some(3, 0));
        assert_ne!(some(1, 0), some(1, 1));
    }

    #[test]
    fn parts_are_within_and_all_of_them_come() {
        let mut random = Random::new(1, 0);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1000 {
            let part = random.part(4);
            assert!(part.start < part.end && part.end <= 4);
            seen.insert(part);
        }
        assert_eq!(seen.len(), 4 + 3 + 2 + 1);
    }
}
