// SPDX-License-Identifier: GPL-2.0

//! A range in which mappings come and go, next to some that stay, and what every map of the process
//! has to show of it, whenever and in however many pieces it was read.
//!
//! The range has slots of [`SLOT`] pages:
//!
//! | pages    |                                                                          |
//! |----------|--------------------------------------------------------------------------|
//! | 0        | the anchor: a mapping that never changes                                 |
//! | 2 to 6   | where mappings come and go                                               |
//! | 8 to 13  | mapped all the time, by mappings that are split and merged all the time  |
//! | the rest | never mapped                                                             |

use crate::area::Perms;
use crate::maps;
use crate::random::Random;
use crate::sys::memory;
use libc::{MADV_DOFORK, MADV_DONTFORK, PROT_NONE, PROT_READ, PROT_WRITE};
use std::io::Result;
use std::ops::Range;

/// Pages of a slot.
const SLOT: usize = 16;

/// Pages of a slot that are not always mapped.
const PLAY: Range<usize> = 2..7;

/// Pages of a slot that always are.
const STEADY: Range<usize> = 8..14;

/// A change of mappings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Map,
    Unmap,
    Protect,
    Move,
    Advise,
}

impl Change {
    pub const ALL: [Self; 5] = [
        Self::Map,
        Self::Unmap,
        Self::Protect,
        Self::Move,
        Self::Advise,
    ];
}

/// The range.
#[derive(Clone, Copy, Debug)]
pub struct Ground {
    at: usize,
    slots: usize,
    page: usize,
}

/// The result of a check that found no fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Lines.
    pub lines: usize,
    /// Lines that begin before the end of the one before, and end after it.
    pub overlaps: usize,
}

impl Ground {
    /// A range of slots in which nothing is mapped yet.
    pub fn new(at: usize, slots: usize) -> Self {
        let page = crate::sys::page_size();
        Self { at, slots, page }
    }

    fn pages(&self, slot: usize, pages: Range<usize>) -> Range<usize> {
        let at = self.at + slot * SLOT * self.page;
        at + pages.start * self.page..at + pages.end * self.page
    }

    fn anchor(&self, slot: usize) -> Range<usize> {
        self.pages(slot, 0..1)
    }

    fn steady(&self, slot: usize) -> Range<usize> {
        self.pages(slot, STEADY)
    }

    /// An address that may be mapped.
    pub fn any(&self, random: &mut Random) -> usize {
        self.at + random.below(self.slots * SLOT * self.page)
    }

    /// One of the anchors.
    pub fn an_anchor(&self, random: &mut Random) -> Range<usize> {
        self.anchor(random.below(self.slots))
    }

    /// Maps what is always mapped.
    pub fn map(&self) -> Result<()> {
        for slot in 0..self.slots {
            let (anchor, steady) = (self.anchor(slot), self.steady(slot));
            let flags = libc::MAP_PRIVATE;
            memory::map(anchor.start, self.page, PROT_READ, flags, None)?;
            memory::map(steady.start, steady.len(), PROT_READ, flags, None)?;
        }
        Ok(())
    }

    /// Changes something. It may fail: others change it, too.
    pub fn change(&self, change: Change, random: &mut Random) -> Result<()> {
        const SOME: [i32; 3] = [PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE];
        let slot = random.below(self.slots);
        let play = |random: &mut Random| {
            let part = random.part(PLAY.len());
            self.pages(slot, PLAY.start + part.start..PLAY.start + part.end)
        };
        // All of it is often, so that the pieces are merged again.
        let steady = |random: &mut Random| match random.below(3) {
            0 => self.steady(slot),
            _ => {
                let part = random.part(STEADY.len());
                self.pages(slot, STEADY.start + part.start..STEADY.start + part.end)
            }
        };
        match change {
            Change::Map => {
                let range = play(random);
                let (prot, flags) = (random.one_of(&SOME), libc::MAP_PRIVATE);
                memory::map(range.start, range.len(), prot, flags, None)
            }
            Change::Unmap => {
                let range = play(random);
                memory::unmap(range.start, range.len())
            }
            Change::Protect => {
                let range = steady(random);
                memory::protect(range.start, range.len(), random.one_of(&SOME))
            }
            Change::Move => {
                let (from, to) = (random.below(PLAY.len()), random.below(PLAY.len()));
                let of = |slot, page| self.pages(slot, PLAY.start + page..PLAY.start + page + 1);
                let from = of(slot, from);
                let to = of((slot + 1) % self.slots, to);
                memory::relocate(from.start, self.page, to.start, self.page, 0)
            }
            Change::Advise => {
                let range = steady(random);
                let advice = random.one_of(&[MADV_DONTFORK, MADV_DOFORK]);
                memory::advise(range.start, range.len(), advice)
            }
        }
    }

    /// Says what is wrong with a map of this process, if something is.
    ///
    /// Its lines must be whole, and must not go back. Each anchor must be there once and as it is,
    /// what is always mapped must be without a gap, and nothing be where nothing ever was.
    pub fn check(&self, text: &[u8]) -> std::result::Result<Seen, String> {
        let text = String::from_utf8_lossy(text);
        let mut seen = Seen::default();
        let mut anchors = vec![0; self.slots];
        let mut covered: Vec<usize> = (0..self.slots)
            .map(|slot| self.steady(slot).start)
            .collect();
        let mut last = 0;
        let text = text.strip_suffix('\n').ok_or("the last line has no end")?;
        for line in text.split('\n') {
            let area = maps::parse_line(line)?.area;
            let range = area.start as usize..area.end as usize;
            seen.lines += 1;
            if range.end <= last {
                return Err(format!("a line goes back: {line}"));
            }
            seen.overlaps += usize::from(range.start < last);
            last = range.end;
            for slot in self.slots_of(&range) {
                let at = self.anchor(slot);
                let within = |pages: Range<usize>| {
                    let all = self.pages(slot, pages);
                    all.start <= range.start && range.end <= all.end
                };
                if meet(&range, &at) {
                    if range != at || area.perms != Perms(*b"r--p") {
                        return Err(format!("an anchor has changed: {line}"));
                    }
                    anchors[slot] += 1;
                } else if within(STEADY) {
                    if range.start > covered[slot] {
                        return Err(format!("there is a gap before: {line}"));
                    }
                    covered[slot] = range.end;
                } else if !within(PLAY) {
                    return Err(format!("it is where nothing is: {line}"));
                }
            }
        }
        for slot in 0..self.slots {
            if anchors[slot] != 1 {
                let at = self.anchor(slot).start;
                return Err(format!(
                    "the anchor at {at:x} is there {} times",
                    anchors[slot]
                ));
            }
            if covered[slot] < self.steady(slot).end {
                return Err(format!("there is a gap at {:x}", covered[slot]));
            }
        }
        Ok(seen)
    }

    /// The slots that a range has a part of.
    fn slots_of(&self, range: &Range<usize>) -> Range<usize> {
        let size = SLOT * self.page;
        let end = self.at + self.slots * size;
        let (start, end) = (range.start.max(self.at), range.end.min(end));
        if start >= end {
            return 0..0;
        }
        (start - self.at) / size..(end - self.at).div_ceil(size)
    }
}

fn meet(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::memory::place;

    fn ground() -> Ground {
        Ground::new(place(0), 2)
    }

    /// Lines of these pages, counted from the start of the first slot.
    fn text(lines: &[(usize, usize, &str)]) -> Vec<u8> {
        let Ground { at, page, .. } = ground();
        let mut text = String::from("00400000-00500000 r-xp 00000000 00:02 17     /init\n");
        for (start, end, perms) in lines {
            let (start, end) = (at + start * page, at + end * page);
            text += &format!("{start:08x}-{end:08x} {perms} 00000000 00:00 0 \n");
        }
        text.into_bytes()
    }

    const GOOD: [(usize, usize, &str); 6] = [
        (0, 1, "r--p"),
        (2, 3, "rw-p"),
        (8, 10, "rw-p"),
        (10, 14, "---p"),
        (16, 17, "r--p"),
        (24, 30, "r--p"),
    ];

    #[test]
    fn a_good_map() {
        let seen = Seen {
            lines: 7,
            overlaps: 0,
        };
        assert_eq!(ground().check(&text(&GOOD)), Ok(seen));
    }

    #[test]
    fn a_line_that_was_enlarged_is_seen() {
        let mut lines = GOOD;
        lines[3] = (8, 14, "---p");
        assert_eq!(ground().check(&text(&lines)).unwrap().overlaps, 1);
    }

    #[test]
    fn finds_every_fault() {
        let with = |at: usize, line| {
            let mut lines = GOOD.to_vec();
            lines[at] = line;
            ground().check(&text(&lines)).unwrap_err()
        };
        assert!(with(0, (0, 1, "rw-p")).contains("anchor has changed"));
        assert!(with(0, (0, 2, "r--p")).contains("anchor has changed"));
        assert!(with(1, (0, 1, "r--p")).contains("goes back"));
        assert!(with(1, (1, 2, "rw-p")).contains("where nothing is"));
        assert!(with(1, (5, 8, "rw-p")).contains("where nothing is"));
        assert!(with(2, (8, 9, "rw-p")).contains("gap before"));
        assert!(with(3, (10, 13, "---p")).contains("gap at"));
        assert!(with(3, (10, 15, "---p")).contains("where nothing is"));
        assert!(with(4, (15, 17, "r--p")).contains("where nothing is"));
        assert!(with(5, (30, 31, "r--p")).contains("where nothing is"));
        assert!(with(5, (20, 23, "r--p")).contains("gap at"));
        assert!(with(4, (18, 19, "r--p")).contains("0 times"));
    }

    #[test]
    fn half_a_line_is_none() {
        let good = text(&GOOD);
        assert!(ground().check(&good[..good.len() - 1]).is_err());
        assert!(ground().check(&good[1..]).is_ok());
        assert!(ground().check(&good[9..]).is_err());
        assert!(ground().check(b"").is_err());
        assert!(ground().check(b"\n").is_err());
    }

    #[test]
    fn ground_stays_in_this_process() {
        let ground = Ground::new(place(100), 3);
        ground.map().unwrap();
        let mut random = Random::new(1, 0);
        let mut done = 0;
        for number in 0..500 {
            let change = Change::ALL[number % Change::ALL.len()];
            done += usize::from(ground.change(change, &mut random).is_ok());
        }
        assert!(done > 300, "{done}");
        ground
            .check(&std::fs::read("/proc/self/maps").unwrap())
            .unwrap();
        memory::unmap(place(100), memory::STRIDE).unwrap();
    }
}
