// SPDX-License-Identifier: GPL-2.0

//! Everything that a program can tell the kernel about its memory. Whether the kernel takes the
//! advice is its own matter; the memory must be right afterwards.

use super::pfn::pattern;
use super::{mark, marked, page, test};
use crate::check::{done, refused, same, vmas_of};
use crate::device::pfn::DATA;
use crate::device::{Buffer, Pfn, buffer, map_shared, pfn};
use libc::{EINVAL, MAP_LOCKED, MAP_POPULATE, MAP_SHARED, PROT_READ, PROT_WRITE};
use vma_guest::runner::Test;
use vma_guest::sys;
use vma_guest::sys::memory::{self, place};

pub const TESTS: &[Test] = &[
    test("advice: all that there is, on a buffer", on_buffer),
    test("advice: all that there is, on pfn memory", on_pfn),
    test(
        "advice: MADV_POPULATE_WRITE faults in a buffer, and no pfn memory",
        populate,
    ),
    test("advice: MAP_POPULATE and MAP_LOCKED", mmap_flags),
    test("advice: mlock and munlock", locked),
];

const PAGES: usize = 8;

/// All that leaves contents alone; not what poisons pages of the system's.
const ADVICE: [(&str, i32); 19] = [
    ("MADV_NORMAL", libc::MADV_NORMAL),
    ("MADV_RANDOM", libc::MADV_RANDOM),
    ("MADV_SEQUENTIAL", libc::MADV_SEQUENTIAL),
    ("MADV_WILLNEED", libc::MADV_WILLNEED),
    ("MADV_DONTNEED", libc::MADV_DONTNEED),
    ("MADV_FREE", libc::MADV_FREE),
    ("MADV_REMOVE", libc::MADV_REMOVE),
    ("MADV_MERGEABLE", libc::MADV_MERGEABLE),
    ("MADV_UNMERGEABLE", libc::MADV_UNMERGEABLE),
    ("MADV_HUGEPAGE", libc::MADV_HUGEPAGE),
    ("MADV_NOHUGEPAGE", libc::MADV_NOHUGEPAGE),
    ("MADV_DONTDUMP", libc::MADV_DONTDUMP),
    ("MADV_DODUMP", libc::MADV_DODUMP),
    ("MADV_WIPEONFORK", libc::MADV_WIPEONFORK),
    ("MADV_COLD", libc::MADV_COLD),
    ("MADV_PAGEOUT", libc::MADV_PAGEOUT),
    ("MADV_POPULATE_READ", libc::MADV_POPULATE_READ),
    ("MADV_COLLAPSE", libc::MADV_COLLAPSE),
    ("MADV_GUARD_INSTALL", sys::MADV_GUARD_INSTALL),
];

/// Gives all advice on the whole, and on the middle. Returns what was taken.
fn advise(at: usize, is_right: impl Fn(&str)) -> Vec<&'static str> {
    let mut taken = Vec::new();
    for (name, advice) in ADVICE {
        let all = memory::advise(at, PAGES * page(), advice);
        let middle = memory::advise(at + 2 * page(), 2 * page(), advice);
        if all.is_ok() || middle.is_ok() {
            taken.push(name);
        }
        is_right(name);
    }
    taken
}

fn on_buffer() {
    let own = Buffer::of_pages(PAGES);
    done("map", own.map(place(0), 0, PAGES));
    mark(place(0), 0, PAGES, 1);
    let before = done("counters", own.stats());
    let taken = advise(place(0), |name| marked(name, place(0), 0, PAGES, 1));
    assert!(taken.contains(&"MADV_DONTNEED"), "taken: {taken:?}");
    assert!(!taken.contains(&"MADV_GUARD_INSTALL"), "taken: {taken:?}");
    let after = done("counters", own.stats());
    same("pages", after.pages, before.pages);
    let vmas = (after.made - after.dropped) - (before.made - before.dropped);
    same("VMAs that there are more", vmas, vmas_of(&buffer::NODE) - 1);
}

fn on_pfn() {
    let own = Pfn::open();
    done("map", own.map_data(place(0), 0, PAGES));
    done("map", own.map_status(place(1), 0, PAGES));
    mark(place(0), 0, PAGES, 1);
    let before = done("counters", own.stats());
    for at in [place(0), place(1)] {
        let taken = advise(at, |name| {
            marked(name, place(0), 0, PAGES, 1);
            pattern(name, place(1), 0, PAGES);
        });
        assert!(!taken.contains(&"MADV_DONTNEED"), "taken: {taken:?}");
        assert!(!taken.contains(&"MADV_GUARD_INSTALL"), "taken: {taken:?}");
    }
    let after = done("counters", own.stats());
    let vmas = (after.made - after.dropped) - (before.made - before.dropped);
    same("VMAs that there are more", vmas, vmas_of(&pfn::NODE) - 2);
}

fn populate() {
    let (own, pfn) = (Buffer::of_pages(PAGES), Pfn::open());
    let before = done("counters", own.stats());
    done("map", own.map(place(0), 0, PAGES));
    let len = PAGES * page();
    done(
        "MADV_POPULATE_WRITE",
        memory::advise(place(0), len, libc::MADV_POPULATE_WRITE),
    );
    let after = done("counters", own.stats());
    same("pages", after.pages - before.pages, PAGES as u64);
    mark(place(0), 0, PAGES, 1);
    same(
        "faults after that",
        done("counters", own.stats()).faults,
        after.faults,
    );
    done("map", pfn.map_data(place(1), 0, PAGES));
    let refusal = memory::advise(place(1), len, libc::MADV_POPULATE_WRITE);
    refused("MADV_POPULATE_WRITE of pfn memory", EINVAL, refusal);
    pattern("pfn memory", place(1), DATA, PAGES);
}

fn mmap_flags() {
    let (own, pfn) = (Buffer::of_pages(PAGES), Pfn::open());
    let prot = PROT_READ | PROT_WRITE;
    for flags in [MAP_POPULATE, MAP_LOCKED, MAP_POPULATE | MAP_LOCKED] {
        let flags = MAP_SHARED | flags;
        done(
            "map",
            crate::device::map(&own.file, place(0), 0, PAGES, prot, flags),
        );
        mark(place(0), 0, PAGES, 1);
        marked("the buffer", place(0), 0, PAGES, 1);
        done(
            "map",
            crate::device::map(&pfn.file, place(1), 0, PAGES, PROT_READ, flags),
        );
        pattern("the status part", place(1), 0, PAGES);
        done(
            "map",
            crate::device::map(&pfn.file, place(2), DATA, PAGES, prot, flags),
        );
        pattern("the data part", place(2), DATA, PAGES);
    }
}

fn locked() {
    let (own, pfn) = (Buffer::of_pages(PAGES), Pfn::open());
    let len = PAGES * page();
    done("map", own.map(place(0), 0, PAGES));
    done("map", map_shared(&pfn.file, place(1), 0, PAGES, PROT_READ));
    for at in [place(0), place(1)] {
        done("mlock", sys::mlock(at + page(), len - page()));
        done("munlock", memory::unlock(at, len));
    }
    mark(place(0), 0, PAGES, 1);
    marked("the buffer", place(0), 0, PAGES, 1);
    pattern("the status part", place(1), 0, PAGES);
    same("VMAs of buffers", vmas_of(&buffer::NODE), 1);
    same("VMAs of pfn memory", vmas_of(&pfn::NODE), 1);
}
