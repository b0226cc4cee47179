// SPDX-License-Identifier: GPL-2.0

//! What pfn memory holds, and who sees it.

use super::{mark, marked, page, test};
use crate::check::{dies, done, in_child, outlived, same};
use crate::device::pfn::{DATA, DATA_PAGES, STATUS_PAGES};
use crate::device::{self, Pfn};
use libc::{MAP_PRIVATE, PROT_READ, SIGSEGV};
use std::sync::Barrier;
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place, set_word, word};

pub const TESTS: &[Test] = &[
    test(
        "pfn: the status part holds its pattern, without faults",
        status,
    ),
    test(
        "pfn: the data part holds its pattern, with a fault for each page",
        data,
    ),
    test("pfn: each page by its own offset", each_page),
    test("pfn: a private mapping of the status part", private),
    test("pfn: the status part cannot be stored to", status_store),
    test("pfn: stores show in a second mapping", two_mappings),
    test("pfn: stores show after munmap and mmap", mapped_again),
    test("pfn: two files are two pieces of memory", two_files),
    test("pfn: parent and child see each other's stores", forked),
    test(
        "pfn: a child outlives its parent and the closed file",
        orphan,
    ),
    test("pfn: the file is closed, the memory stays", closed_file),
    test("pfn: threads fault on the same pages", threads),
];

/// Pages must hold what they hold at first.
#[track_caller]
pub fn pattern(what: &str, at: usize, first: u64, pages: usize) {
    for number in 0..pages {
        let wanted = (first + number as u64) << 32;
        for index in 0..page() / 8 {
            let addr = at + number * page() + index * 8;
            let (got, wanted) = (word(addr), wanted | index as u64);
            assert!(
                got == wanted,
                "{what}: {got:#x} at {addr:#x}, wanted {wanted:#x}"
            );
        }
    }
}

fn status() {
    let pfn = Pfn::open();
    let before = done("counters", pfn.stats());
    done("map", pfn.map_status(place(0), 0, STATUS_PAGES));
    pattern("the status part", place(0), 0, STATUS_PAGES);
    let after = done("counters", pfn.stats());
    same("faults", after.faults - before.faults, 0);
    same("VMAs made", after.made - before.made, 1);
    done("unmap", memory::unmap(place(0), STATUS_PAGES * page()));
    same(
        "VMAs dropped",
        done("counters", pfn.stats()).dropped - before.dropped,
        1,
    );
}

fn data() {
    let pfn = Pfn::open();
    let before = done("counters", pfn.stats());
    done("map", pfn.map_data(place(0), 0, DATA_PAGES));
    pattern("the data part", place(0), DATA, DATA_PAGES);
    let after = done("counters", pfn.stats());
    same("faults", after.faults - before.faults, DATA_PAGES as u64);
    pattern("the data part again", place(0), DATA, DATA_PAGES);
    mark(place(0), 0, DATA_PAGES, 1);
    marked("the data part", place(0), 0, DATA_PAGES, 1);
    same(
        "faults after the first",
        done("counters", pfn.stats()).faults,
        after.faults,
    );
}

fn each_page() {
    let pfn = Pfn::open();
    for number in (0..STATUS_PAGES + DATA_PAGES).rev() {
        let at = place(0) + number * 2 * page();
        done(
            "map",
            device::map_shared(&pfn.file, at, number as u64, 1, PROT_READ),
        );
        pattern("a page", at, number as u64, 1);
    }
}

fn private() {
    let pfn = Pfn::open();
    let map = device::map(
        &pfn.file,
        place(0),
        1,
        STATUS_PAGES - 1,
        PROT_READ,
        MAP_PRIVATE,
    );
    done("map", map);
    pattern("the status part", place(0), 1, STATUS_PAGES - 1);
    in_child("a child", || {
        pattern("in a child", place(0), 1, STATUS_PAGES - 1)
    });
    dies("a store", SIGSEGV, || set_word(place(0), 1));
}

fn status_store() {
    let pfn = Pfn::open();
    done("map", pfn.map_status(place(0), 0, STATUS_PAGES));
    dies("a store", SIGSEGV, || set_word(place(0), 1));
    pattern("the status part", place(0), 0, STATUS_PAGES);
}

fn two_mappings() {
    let pfn = Pfn::open();
    done("map", pfn.map_data(place(0), 0, DATA_PAGES));
    done("map", pfn.map_data(place(1), 4, 8));
    mark(place(0), 0, DATA_PAGES, 1);
    marked("the second mapping", place(1), 4, 8, 1);
    mark(place(1), 4, 8, 2);
    marked("the first mapping", place(0), 0, 4, 1);
    marked("the first mapping", place(0) + 4 * page(), 4, 8, 2);
    marked(
        "the first mapping",
        place(0) + 12 * page(),
        12,
        DATA_PAGES - 12,
        1,
    );
}

fn mapped_again() {
    let pfn = Pfn::open();
    done("map", pfn.map_data(place(0), 0, DATA_PAGES));
    mark(place(0), 0, DATA_PAGES, 1);
    done("unmap", memory::unmap(place(0), DATA_PAGES * page()));
    done("map", pfn.map_data(place(0), 0, DATA_PAGES));
    marked("a later mapping", place(0), 0, DATA_PAGES, 1);
}

fn two_files() {
    let (one, two) = (Pfn::open(), Pfn::open());
    done("map", one.map_data(place(0), 0, DATA_PAGES));
    done("map", two.map_data(place(1), 0, DATA_PAGES));
    mark(place(0), 0, DATA_PAGES, 1);
    pattern("the other piece of memory", place(1), DATA, DATA_PAGES);
}

fn forked() {
    let pfn = Pfn::open();
    done("map", pfn.map_data(place(0), 0, DATA_PAGES));
    done("map", pfn.map_status(place(1), 0, STATUS_PAGES));
    mark(place(0), 0, 8, 1);
    let before = done("counters", pfn.stats());
    in_child("a child", || {
        let inside = done("counters", pfn.stats());
        same("VMAs that fork made", inside.made - before.made, 2);
        marked("in the child", place(0), 0, 8, 1);
        pattern(
            "in the child",
            place(0) + 8 * page(),
            DATA + 8,
            DATA_PAGES - 8,
        );
        pattern("in the child", place(1), 0, STATUS_PAGES);
        mark(place(0) + 4 * page(), 4, 8, 2);
    });
    marked("in the parent", place(0), 0, 4, 1);
    marked("in the parent", place(0) + 4 * page(), 4, 8, 2);
    let after = done("counters", pfn.stats());
    same("VMAs dropped", after.dropped - before.dropped, 2);
}

fn orphan() {
    outlived(
        "pfn memory",
        || {
            let pfn = Pfn::open();
            done("map", pfn.map_data(place(0), 0, DATA_PAGES));
            done("map", pfn.map_status(place(1), 0, STATUS_PAGES));
            mark(place(0), 0, 8, 1);
        },
        || {
            marked("what was faulted in", place(0), 0, 8, 1);
            pattern(
                "what was not",
                place(0) + 8 * page(),
                DATA + 8,
                DATA_PAGES - 8,
            );
            pattern("the status part", place(1), 0, STATUS_PAGES);
            mark(place(0), 0, DATA_PAGES, 2);
            marked("after stores", place(0), 0, DATA_PAGES, 2);
        },
    );
}

fn closed_file() {
    let counters = Pfn::open();
    let before = done("counters", counters.stats());
    let pfn = Pfn::open();
    done("map", pfn.map_data(place(0), 0, DATA_PAGES));
    done("map", pfn.map_status(place(1), 0, STATUS_PAGES));
    mark(place(0), 0, 8, 1);
    drop(pfn);
    marked("what was faulted in", place(0), 0, 8, 1);
    pattern(
        "what was not",
        place(0) + 8 * page(),
        DATA + 8,
        DATA_PAGES - 8,
    );
    pattern("the status part", place(1), 0, STATUS_PAGES);
    let mapped = done("counters", counters.stats());
    same(
        "pieces of memory while one is mapped",
        mapped.pieces,
        before.pieces + 1,
    );
    done("unmap", memory::unmap(place(0), DATA_PAGES * page()));
    pattern("the status part", place(1), 0, STATUS_PAGES);
    done("unmap", memory::unmap(place(1), STATUS_PAGES * page()));
    let after = done("counters", counters.stats());
    same("pieces of memory after munmap", after.pieces, before.pieces);
    same("pages", after.pages, before.pages);
}

fn threads() {
    let pfn = Pfn::open();
    let threads = super::many_threads();
    let start = Barrier::new(threads + 1);
    super::for_a_while(|round| {
        done("map", pfn.map_data(place(0), 0, DATA_PAGES));
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    for number in 0..DATA_PAGES {
                        // A word of this thread's own, in the middle of each page.
                        set_word(place(0) + number * page() + 8 * (1 + thread), round);
                    }
                });
            }
            start.wait();
        });
        for number in 0..DATA_PAGES {
            for thread in 0..threads {
                let addr = place(0) + number * page() + 8 * (1 + thread);
                same("a thread's word", word(addr), round);
            }
        }
    });
}
