// SPDX-License-Identifier: GPL-2.0

//! Everything that a program can tell the kernel about its memory. Whether the kernel takes the
//! advice is its own matter; the memory must be right afterwards.

use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use vma_guest::device::{buffer, pfn};

suite! {
    "advice":
    buffer_takes_every_advice, pfn_takes_every_advice,
    populate_write_fills_buffers_not_pfns, map_populate_and_map_locked_fault_in,
    mlock_and_munlock_keep_contents,
}

const PAGES: usize = 8;

/// All that leaves contents alone; not what poisons pages of the system's.
const ADVICE: [(&str, i32); 19] = [
    ("MADV_NORMAL", MADV_NORMAL),
    ("MADV_RANDOM", MADV_RANDOM),
    ("MADV_SEQUENTIAL", MADV_SEQUENTIAL),
    ("MADV_WILLNEED", MADV_WILLNEED),
    ("MADV_DONTNEED", MADV_DONTNEED),
    ("MADV_FREE", MADV_FREE),
    ("MADV_REMOVE", MADV_REMOVE),
    ("MADV_MERGEABLE", MADV_MERGEABLE),
    ("MADV_UNMERGEABLE", MADV_UNMERGEABLE),
    ("MADV_HUGEPAGE", MADV_HUGEPAGE),
    ("MADV_NOHUGEPAGE", MADV_NOHUGEPAGE),
    ("MADV_DONTDUMP", MADV_DONTDUMP),
    ("MADV_DODUMP", MADV_DODUMP),
    ("MADV_WIPEONFORK", MADV_WIPEONFORK),
    ("MADV_COLD", MADV_COLD),
    ("MADV_PAGEOUT", MADV_PAGEOUT),
    ("MADV_POPULATE_READ", MADV_POPULATE_READ),
    ("MADV_COLLAPSE", MADV_COLLAPSE),
    ("MADV_GUARD_INSTALL", sys::MADV_GUARD_INSTALL),
];

/// Gives all advice on the whole, and on the middle. Returns what was taken.
fn advise_all(at: usize, is_right: impl Fn()) -> Vec<&'static str> {
    let mut taken = Vec::new();
    for (name, advice) in ADVICE {
        let all = memory::advise(at, PAGES * page(), advice);
        let middle = memory::advise(at + 2 * page(), 2 * page(), advice);
        if all.is_ok() || middle.is_ok() {
            taken.push(name);
        }
        let right = catch_unwind(AssertUnwindSafe(&is_right));
        assert!(right.is_ok(), "after {name}");
    }
    taken
}

fn buffer_takes_every_advice() {
    let own = marked_buffer(PAGES);
    let before = own.stats();
    let taken = advise_all(place(0), || marked(place(0), 0, PAGES, 1));
    assert!(taken.contains(&"MADV_DONTNEED"), "taken: {taken:?}");
    assert!(!taken.contains(&"MADV_GUARD_INSTALL"), "taken: {taken:?}");
    let after = own.stats();
    assert_eq!(after.pages, before.pages);
    let vmas = (after.made - after.dropped) - (before.made - before.dropped);
    assert_eq!(vmas, vmas_of(&buffer::NODE) - 1);
}

fn pfn_takes_every_advice() {
    let own = mapped_pfn(PAGES, PAGES);
    mark(place(0), 0, PAGES, 1);
    let before = own.stats();
    for at in [place(0), place(1)] {
        let taken = advise_all(at, || {
            marked(place(0), 0, PAGES, 1);
            pattern(place(1), 0, PAGES);
        });
        assert!(!taken.contains(&"MADV_DONTNEED"), "taken: {taken:?}");
        assert!(!taken.contains(&"MADV_GUARD_INSTALL"), "taken: {taken:?}");
    }
    let after = own.stats();
    let vmas = (after.made - after.dropped) - (before.made - before.dropped);
    assert_eq!(vmas, vmas_of(&pfn::NODE) - 2);
}

fn populate_write_fills_buffers_not_pfns() {
    let (own, pfn) = (Buffer::of_pages(PAGES), Pfn::open());
    let before = own.stats();
    own.map(place(0), 0, PAGES).must();
    let len = PAGES * page();
    advise(place(0), len, MADV_POPULATE_WRITE);
    let after = own.stats();
    assert_eq!(after.pages - before.pages, PAGES as u64);
    mark(place(0), 0, PAGES, 1);
    assert_eq!(own.stats().faults, after.faults);
    pfn.map_data(place(1), 0, PAGES).must();
    let refusal = memory::advise(place(1), len, MADV_POPULATE_WRITE);
    refusal.must_fail(EINVAL);
    pattern(place(1), DATA, PAGES);
}

fn map_populate_and_map_locked_fault_in() {
    let (own, pfn) = (Buffer::of_pages(PAGES), Pfn::open());
    for flags in [MAP_POPULATE, MAP_LOCKED, MAP_POPULATE | MAP_LOCKED] {
        let flags = MAP_SHARED | flags;
        vma_guest::device::map(&own.file, place(0), 0, PAGES, RW, flags).must();
        mark(place(0), 0, PAGES, 1);
        marked(place(0), 0, PAGES, 1);
        vma_guest::device::map(&pfn.file, place(1), 0, PAGES, PROT_READ, flags).must();
        pattern(place(1), 0, PAGES);
        vma_guest::device::map(&pfn.file, place(2), DATA, PAGES, RW, flags).must();
        pattern(place(2), DATA, PAGES);
    }
}

fn mlock_and_munlock_keep_contents() {
    let (own, pfn) = (Buffer::of_pages(PAGES), Pfn::open());
    let len = PAGES * page();
    own.map(place(0), 0, PAGES).must();
    map_shared(&pfn.file, place(1), 0, PAGES, PROT_READ).must();
    for at in [place(0), place(1)] {
        sys::mlock(at + page(), len - page()).must();
        memory::unlock(at, len).must();
    }
    mark(place(0), 0, PAGES, 1);
    marked(place(0), 0, PAGES, 1);
    pattern(place(1), 0, PAGES);
    assert_eq!(vmas_of(&buffer::NODE), 1);
    assert_eq!(vmas_of(&pfn::NODE), 1);
}
