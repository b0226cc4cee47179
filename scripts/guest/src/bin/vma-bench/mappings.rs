// SPDX-License-Identifier: GPL-2.0

//! Many mappings in a row, whose protection alternates so that they are not merged.

use std::io::{Error, Result};
use vma_guest::sys::{self, memory};

/// Mappings of the same length.
pub struct Mappings {
    at: usize,
    count: usize,
    stride: usize,
}

impl Mappings {
    /// Makes mappings side by side, of a page each.
    pub fn row(count: usize) -> Result<Self> {
        Self::make(count, count * sys::page_size(), false)
    }

    /// Makes mappings at the same distance from each other, over `span` bytes: of one page each, with
    /// gaps between them, or of the length that leaves none.
    pub fn make(count: usize, span: usize, gaps: bool) -> Result<Self> {
        let at = memory::place(0);
        let page = sys::page_size();
        let stride = span / count / page * page;
        let len = if gaps { page } else { stride };
        let flags = libc::MAP_PRIVATE | libc::MAP_NORESERVE;
        for number in 0..count {
            let prot = [libc::PROT_READ, libc::PROT_READ | libc::PROT_WRITE][number % 2];
            memory::map(at + number * stride, len, prot, flags, None).map_err(|e| {
                Error::other(format!(
                    "mapping {number} of {count}: {e}; the limit is /proc/sys/vm/max_map_count"
                ))
            })?;
        }
        Ok(Self { at, count, stride })
    }

    /// Returns the addresses of the mappings that are one and two thirds into the row.
    pub fn thirds(&self) -> [usize; 2] {
        [1, 2].map(|number| self.at + self.count * number / 3 * self.stride)
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

    /// Counts the VMAs that start in a range of pages.
    fn count(at: usize, pages: usize) -> usize {
        let range = at..at + pages * sys::page_size();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let starts = maps.lines().map(|line| line.split('-').next().unwrap());
        let starts = starts.map(|start| usize::from_str_radix(start, 16).unwrap());
        starts.filter(|start| range.contains(start)).count()
    }

    #[test]
    fn mappings_are_spread_evenly_and_go_away() {
        let page = sys::page_size();
        for gaps in [true, false] {
            let mappings = Mappings::make(10, 100 * page + 5, gaps).unwrap();
            let at = mappings.at;
            assert_eq!((count(at, 10), count(at, 100)), (1, 10));
            assert_eq!(mappings.thirds(), [at + 30 * page, at + 60 * page]);
            let free = memory::protect(at + 9 * page, page, libc::PROT_READ).is_err();
            assert_eq!(free, gaps);
            drop(mappings);
            assert_eq!(count(at, 100), 0);
        }
    }
}
