// SPDX-License-Identifier: GPL-2.0

//! Many mappings in a row, whose protection alternates so that they are not merged.

use bench_records::Layout;
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
        Self::make(Layout {
            mappings: count,
            span: count * sys::page_size(),
            gaps: false,
        })
    }

    /// Makes mappings at the same distance from each other: of one page each, with gaps between
    /// them, or of the length that leaves none.
    pub fn make(layout: Layout) -> Result<Self> {
        let Layout {
            mappings: count,
            span,
            gaps,
        } = layout;
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

    /// Returns the address of the mapping that is `number` thirds into the row.
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

    /// Counts the VMAs that start in a range of pages.
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
        let mappings = Mappings::row(10).unwrap();
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
            let mappings = Mappings::make(Layout {
                mappings: 10,
                span: 100 * page + 5,
                gaps,
            })
            .unwrap();
            let at = mappings.at;
            assert_eq!((count(at, 10), count(at, 100)), (1, 10));
            assert_eq!(mappings.third(1), at + 30 * page);
            let between = at + 9 * page..at + 10 * page;
            let free = memory::protect(between.start, page, libc::PROT_READ).is_err();
            assert_eq!(free, gaps);
        }
    }
}
