// SPDX-License-Identifier: GPL-2.0

//! Many mappings side by side, as different from each other as it takes not to be merged.

use std::io::{Error, Result};
use vma_guest::sys::{self, memory};

/// Mappings of one page each, and how many.
pub struct Mappings {
    at: usize,
    count: usize,
}

impl Mappings {
    /// Makes so many, in a row.
    pub fn make(count: usize) -> Result<Self> {
        let at = memory::place(0);
        let page = sys::page_size();
        let read_only = libc::PROT_READ;
        for number in 0..count {
            let prot = match number % 2 {
                0 => read_only,
                _ => read_only | libc::PROT_WRITE,
            };
            memory::map(at + number * page, page, prot, libc::MAP_PRIVATE, None).map_err(|e| {
                Error::other(format!(
                    "mapping {number} of {count}: {e}; the limit is /proc/sys/vm/max_map_count"
                ))
            })?;
        }
        Ok(Self { at, count })
    }

    /// The address of the mapping so many thirds into the row.
    pub fn third(&self, number: usize) -> usize {
        self.at + self.count * number / 3 * sys::page_size()
    }
}

impl Drop for Mappings {
    fn drop(&mut self) {
        memory::unmap(self.at, self.count * sys::page_size()).expect("it was mapped");
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
}
