// SPDX-License-Identifier: GPL-2.0

//! A thread that uses all drivers, in an address space that others change meanwhile.

use crate::board::{Kind, Row};
use crate::world::ground;
use libc::{EAGAIN, EBUSY, EFAULT, ENOENT, MADV_DODUMP, MADV_DONTDUMP, PROT_READ};
use std::io::Error;
use vma_guest::device::all::{All, LOCKINGS};
use vma_guest::device::map::{DONTDUMP, Map};
use vma_guest::device::userptr::WAYS;
use vma_guest::device::{Buffer, Pfn, Userptr};
use vma_guest::random::Random;
use vma_guest::sys;
use vma_guest::sys::memory::{self, STRIDE, set_word, word};

const PAGES: usize = 8;

/// Everything that the thread has open, and its own part of the address space.
pub struct Drivers {
    row: Row,
    random: Random,
    page: usize,
    own: usize,
    all: All,
    map: Map,
    userptr: Userptr,
}

impl Drivers {
    pub fn open(row: Row, random: Random, own: usize) -> Self {
        Self {
            row,
            random,
            page: sys::page_size(),
            own,
            all: All::open().expect("/dev/rust-vma can be opened"),
            map: Map::open().expect("/dev/rust-vma-map can be opened"),
            userptr: Userptr::open(),
        }
    }

    pub fn run(&mut self) {
        self.two_vmas();
        while self.row.goes_on() {
            match self.random.below(8) {
                0 => self.buffer(),
                1 => self.pfn(),
                2 => self.pin(),
                3 => self.list(),
                4 | 5 => self.describe(),
                _ => self.snapshot(),
            }
        }
    }

    /// Two VMAs that never merge, of which one call changes both.
    fn two_vmas(&self) {
        let (row, page) = (self.row, self.page);
        row.must(Kind::Map, memory::map_anonymous(self.own, 2 * page));
        let second = self.own + page;
        row.must(Kind::Protect, memory::protect(second, page, PROT_READ));
    }

    fn snapshot(&mut self) {
        let row = self.row;
        let advice = self.random.one_of(&[MADV_DODUMP, MADV_DONTDUMP]);
        let both = memory::advise(self.own, 2 * self.page, advice);
        row.must(Kind::Advise, both);
        let set = if advice == MADV_DONTDUMP { DONTDUMP } else { 0 };

        for _ in 0..16 {
            // The third is anywhere on the ground, where there may be nothing.
            let (place, anchor) = (
                ground().any(&mut self.random),
                ground().an_anchor(&mut self.random),
            );
            let addrs = [self.own, place, self.own + self.page, anchor.start];
            let got = self.map.snapshot(addrs).map_err(|no| match no.index {
                1 => no.error,
                other => Error::other(format!("address {other}: {}", no.error)),
            });
            let Some([one, there, other, anchored]) = row.tried(Kind::Snapshot, &[ENOENT], got)
            else {
                continue;
            };
            let flags = [one.flags & DONTDUMP, other.flags & DONTDUMP];
            assert!(
                flags == [set, set],
                "{one:x?} and {other:x?} after {advice}"
            );
            let range = there.start as usize..there.end as usize;
            assert!(range.contains(&place), "{place:x} is not in {there:x?}");
            let range = anchored.start as usize..anchored.end as usize;
            assert!(range == anchor, "an anchor is {anchored:x?}");
        }
    }

    fn describe(&mut self) {
        for locking in LOCKINGS {
            let anchor = ground().an_anchor(&mut self.random);
            let got = self.all.describe(anchor.start, locking);
            let may_fail: &[i32] = if locking == LOCKINGS[0] {
                &[EAGAIN]
            } else {
                &[]
            };
            if let Some([start, end]) = self.row.tried(Kind::Describe, may_fail, got) {
                let got = start as usize..end as usize;
                assert!(got == anchor, "an anchor is {got:x?}");
            }
            let place = ground().any(&mut self.random);
            let got = self.all.describe(place, locking);
            if let Some([start, end]) = self.row.tried(Kind::Describe, &[EAGAIN, ENOENT], got) {
                let got = start as usize..end as usize;
                assert!(got.contains(&place), "{place:x} is not in {got:x?}");
            }
        }
    }

    fn list(&mut self) {
        let list = self.row.must(Kind::List, self.all.list(1000));
        let anchor = ground().an_anchor(&mut self.random);
        let wanted = [anchor.start as u64, anchor.end as u64];
        assert!(list.contains(&wanted), "{anchor:x?} is not in the list");
        let ascends = list.windows(2).all(|pair| pair[0][1] <= pair[1][0]);
        assert!(ascends, "the list does not ascend");
    }

    fn buffer(&mut self) {
        let (row, page) = (self.row, self.page);
        let at = self.own + STRIDE;
        let buffer = Buffer::of_pages(PAGES);
        row.must(Kind::Map, buffer.map(at, 0, PAGES));
        for number in self.random.part(PAGES) {
            set_word(at + number * page, 1);
            row.done(Kind::Fault);
        }
        let part = self.random.part(PAGES);
        let (first, count) = (part.start as u64, part.len() as u64);
        row.must(Kind::Buffer, buffer.populate(first, count));
        row.must(Kind::Buffer, buffer.discard(first, count));
        // Nobody waits for a lock here.
        row.tried(Kind::Buffer, &[EAGAIN, EBUSY], buffer.reclaim(count));
        row.must(Kind::Unmap, memory::unmap(at, PAGES * page));
    }

    fn pfn(&mut self) {
        let (row, page) = (self.row, self.page);
        let at = self.own + 2 * STRIDE;
        let pfn = Pfn::open();
        row.must(Kind::Map, pfn.map_data(at, 0, PAGES));
        for number in self.random.part(PAGES) {
            set_word(at + number * page, 1);
            row.done(Kind::Fault);
        }
        row.must(Kind::Pfn, pfn.revoke());
        row.must(Kind::Unmap, memory::unmap(at, PAGES * page));
    }

    fn pin(&mut self) {
        let (row, page) = (self.row, self.page);
        let at = self.own + 3 * STRIDE;
        row.must(Kind::Map, memory::map_anonymous(at, PAGES * page));
        for way in WAYS {
            let byte = 1 + self.random.below(255) as u8;
            let got = self.userptr.fill(at, page, byte, way);
            row.must(Kind::Userptr, got);
            let sum = self.userptr.sum(at, page, way);
            let wanted = u64::from(byte) * page as u64;
            assert!(row.must(Kind::Userptr, sum) == wanted, "the sum is wrong");
            assert!(
                word(at) == u64::from_ne_bytes([byte; 8]),
                "it is not filled"
            );
            let place = ground().any(&mut self.random);
            row.tried(Kind::Userptr, &[EFAULT], self.userptr.sum(place, 1, way));
        }
        row.must(Kind::Unmap, memory::unmap(at, PAGES * page));
    }
}
