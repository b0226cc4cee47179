// SPDX-License-Identifier: GPL-2.0

//! Pages of pfn memory that are unmapped from all processes at once.

use super::pfn::pattern;
use super::{beside, for_a_while, many_threads, mark, marked, page, test};
use crate::check::{done, in_child, same};
use crate::device::Pfn;
use crate::device::pfn::{DATA, DATA_PAGES, STATUS_PAGES};
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place, set_word, word};
use vma_guest::sys::process::{self, End};

pub const TESTS: &[Test] = &[
    test("pfn: after REVOKE all reads right, with faults", revoke),
    test("pfn: REVOKE without a mapping", without_mapping),
    test("pfn: REVOKE is for all files and processes", everywhere),
    test("pfn: REVOKE while threads load", race_load),
    test("pfn: REVOKE while threads store", race_store),
    test("pfn: REVOKE while the mapping comes and goes", race_map),
    test("pfn: REVOKE while processes come and go", race_fork),
];

fn revoke() {
    let pfn = Pfn::open();
    done("map", pfn.map_data(place(0), 0, DATA_PAGES));
    done("map", pfn.map_status(place(1), 0, STATUS_PAGES));
    mark(place(0), 0, 8, 1);
    for _ in 0..2 {
        done("revoke", pfn.revoke());
        let before = done("counters", pfn.stats());
        marked("what was stored", place(0), 0, 8, 1);
        pattern(
            "what was not",
            place(0) + 8 * page(),
            DATA + 8,
            DATA_PAGES - 8,
        );
        pattern("the status part", place(1), 0, STATUS_PAGES);
        let after = done("counters", pfn.stats());
        let all = (DATA_PAGES + STATUS_PAGES) as u64;
        // A fault in the status part may bring in more than its page.
        let faults = after.faults - before.faults;
        assert!(
            (DATA_PAGES as u64 + 1..=all).contains(&faults),
            "{faults} faults for {all} pages"
        );
        same(
            "VMAs",
            after.made - after.dropped,
            before.made - before.dropped,
        );
    }
}

fn without_mapping() {
    let pfn = Pfn::open();
    done("revoke", pfn.revoke());
    done("map", pfn.map_data(place(0), 0, 4));
    pattern("the data part", place(0), DATA, 4);
    done("unmap", memory::unmap(place(0), 4 * page()));
    done("revoke", pfn.revoke());
}

fn everywhere() {
    let (one, two) = (Pfn::open(), Pfn::open());
    done("map", one.map_data(place(0), 0, 4));
    done("map", two.map_data(place(1), 0, 4));
    mark(place(0), 0, 4, 1);
    mark(place(1), 0, 4, 2);
    in_child("a child", || {
        let before = done("counters", one.stats());
        done("revoke", one.revoke());
        marked("in the child", place(0), 0, 4, 1);
        marked("in the child", place(1), 0, 4, 2);
        same(
            "faults in the child",
            done("counters", one.stats()).faults - before.faults,
            8,
        );
    });
    let before = done("counters", one.stats());
    marked("in the parent", place(0), 0, 4, 1);
    marked("in the parent", place(1), 0, 4, 2);
    same(
        "faults in the parent",
        done("counters", one.stats()).faults - before.faults,
        8,
    );
}

fn race_load() {
    let pfn = Pfn::open();
    done("map", pfn.map_data(place(0), 0, DATA_PAGES));
    done("map", pfn.map_status(place(1), 0, STATUS_PAGES));
    let before = done("counters", pfn.stats()).faults;
    let load = |thread: usize| {
        let first = thread % 8;
        pattern(
            "the data part",
            place(0) + first * page(),
            DATA + first as u64,
            8,
        );
        pattern(
            "the status part",
            place(1) + first * page(),
            first as u64,
            8,
        );
    };
    beside(many_threads(), load, || {
        for_a_while(|_| {
            done("revoke", pfn.revoke());
            // So that something is mapped the next time.
            word(place(0));
        });
    });
    assert!(
        done("counters", pfn.stats()).faults > before,
        "nothing was faulted in again"
    );
}

fn race_store() {
    let pfn = Pfn::open();
    done("map", pfn.map_data(place(0), 0, DATA_PAGES));
    let store = |thread: usize| {
        for number in 0..DATA_PAGES {
            let addr = place(0) + number * page() + 8 * (thread + 1);
            let value = word(addr).wrapping_add(1);
            set_word(addr, value);
            same("a thread's word", word(addr), value);
        }
    };
    beside(many_threads(), store, || {
        for_a_while(|_| {
            done("revoke", pfn.revoke());
            word(place(0));
        });
    });
}

fn race_map() {
    let pfn = Pfn::open();
    done("map", pfn.map_data(place(1), 0, 4));
    mark(place(1), 0, 4, 1);
    beside(
        2,
        |_| done("revoke", pfn.revoke()),
        || {
            for_a_while(|round| {
                done("map", pfn.map_data(place(0), 0, 4));
                marked("the data part", place(0), 0, 4, 1);
                done("map", pfn.map_status(place(2), 0, STATUS_PAGES));
                pattern("the status part", place(2), 0, 2);
                if round % 2 == 0 {
                    let len = 4 * page();
                    done("move", memory::relocate(place(0), len, place(3), len, 0));
                    marked("the data part", place(3), 0, 4, 1);
                } else {
                    done("unmap", memory::unmap(place(0), 2 * page()));
                }
                done("unmap", memory::unmap(place(2), STATUS_PAGES * page()));
            });
        },
    );
}

fn race_fork() {
    let pfn = Pfn::open();
    done("map", pfn.map_data(place(0), 0, DATA_PAGES));
    done("map", pfn.map_status(place(1), 0, STATUS_PAGES));
    mark(place(0), 0, DATA_PAGES, 1);
    beside(
        2,
        |_| done("revoke", pfn.revoke()),
        || {
            for_a_while(|_| {
                // The child must not panic, because of the threads that it does not have.
                let child = process::fork(|| {
                    let data =
                        (0..DATA_PAGES).all(|n| word(place(0) + n * page()) == 1 << 32 | n as u64);
                    let status =
                        (0..STATUS_PAGES).all(|n| word(place(1) + n * page()) == (n as u64) << 32);
                    u8::from(!(data && status))
                });
                let end = done("fork", child.and_then(process::Child::wait));
                same("the child's end", end, End::Exited(0));
            });
        },
    );
}
