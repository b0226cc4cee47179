// SPDX-License-Identifier: GPL-2.0

//! Many mappings in a row, as different from each other as it takes not to be merged.

use std::io::{Error, Result};
use vma_guest::sys::{self, memory};

/// Mappings of the same length, how many, and how far from one to the next.
pub struct Mappings {
    at: usize,
    count: usize,
    stride: usize,
}

impl Mappings {
    /// Makes so many, side by side.
    pub fn make(count: usize) -> Result<Self> {
        Self::spread(count, count * sys::page_size(), false)
    }

    /// Makes so many, at the same distance from each other, in so many bytes: of one page each, with
    /// gaps between them, or as long as it takes to leave none.
    pub fn spread(count: usize, span: usize, gaps: bool) -> Result<Self> {
        let at = memory::place(0);
        let page = sys::page_size();
        let stride = span / count / page * page;
        let len = if gaps { page } else { stride };
        let flags = libc::MAP_PRIVATE | libc::MAP_NORESERVE;
        let read_only = libc::PROT_READ;
        for number in 0..count {
            let prot = match number % 2 {
                0 => read_only,
                _ => read_only | libc::PROT_WRITE,
            };
            memory::map(at + number * stride, len, prot, flags, None).map_err(|e| {
                Error::other(format!(
                    "mapping {number} of {count}: {e}; the limit is /proc/sys/vm/max_map_count"
                ))
            })?;
        }
        Ok(Self { at, count, stride })
    }

    /// The address of the mapping so many thirds into the row.
    pub fn third(&self, number: usize) -> usize {
        self.at + self.count * number / 3 * self.stride
    }
}

impl Drop for Mappings {
    fn drop(&mut self) {
        memory::unmap(self.at, self.count * self.stride).expect("it was mapped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// How many VMAs start in so many pages.
    fn count(at: usize, pages: usize) -> usize {
        let range = at..at + pages * sys::page_size();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let starts = maps.lines().map(|line| {
            let start = line.split('-').next().unwrap();
            usize::from_str_radix(start, 16).unwrap()
        });
        starts.filter(|start| range.contains(start)).count()
    }

    #[test]
    fn mappings_are_not_merged_and_go_away() {
        let mappings = Mappings::make(10).unwrap();
        let at = mappings.at;
        assert_eq!(count(at, 10), 10);
        assert_eq!(mappings.third(1), at + 3 * sys::page_size());
        drop(mappings);
        assert_eq!(count(at, 10), 0);
    }

    #[test]
    fn mappings_are_spread_evenly() {
        let page = sys::page_size();
        for gaps in [true, false] {
            let mappings = Mappings::spread(10, 100 * page + 5, gaps).unwrap();
            let at = mappings.at;
            assert_eq!((count(at, 10), count(at, 100)), (1, 10));
            assert_eq!(mappings.third(1), at + 30 * page);
            let between = at + 9 * page..at + 10 * page;
            let free = memory::protect(between.start, page, libc::PROT_READ).is_err();
            assert_eq!(free, gaps);
        }
    }
}
