// SPDX-License-Identifier: GPL-2.0

//! VMAs of pfn memory that are split, moved and protected.

use super::pfn::pattern;
use super::{mark, marked, page, test, zero};
use crate::check::{dies, done, in_child, refused, same, vmas_of};
use crate::device::Pfn;
use crate::device::pfn::{DATA, DATA_PAGES, NODE, STATUS_PAGES};
use libc::{
    MADV_DONTFORK, MADV_DONTNEED, MREMAP_DONTUNMAP, PROT_NONE, PROT_READ, PROT_WRITE, SIGSEGV,
};
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place, set_word, touch};

pub const TESTS: &[Test] = &[
    test(
        "pfn: munmap of the start, the middle and the end",
        unmap_parts,
    ),
    test("pfn: mremap moves, contents stay", moved),
    test("pfn: mremap moves a part of each", moved_part),
    test("pfn: mremap that enlarges is EFAULT", enlarged),
    test("pfn: mremap shrinks", shrunk),
    test(
        "pfn: mremap that leaves the old mapping is EINVAL",
        moved_and_left,
    ),
    test("pfn: mprotect read-only and back", protected),
    test("pfn: mprotect of the middle splits", protected_middle),
    test(
        "pfn: mprotect of the status part to no access and back",
        status_inaccessible,
    ),
    test("pfn: mapped over (MAP_FIXED) in the middle", mapped_over),
    test("pfn: MADV_DONTNEED is EINVAL", dont_need),
    test("pfn: a child has none after MADV_DONTFORK", dont_fork),
    test("pfn: exit with mappings", exit_with_mappings),
];

/// The driver must count as many VMAs as there are more than before.
#[track_caller]
fn fits(pfn: &Pfn, others: u64, when: &str) {
    let stats = done("counters", pfn.stats());
    let counted = stats.made.wrapping_sub(stats.dropped).wrapping_sub(others);
    same(&format!("VMAs {when}"), counted, vmas_of(&NODE));
}

/// How many VMAs others have.
#[track_caller]
fn others(pfn: &Pfn) -> u64 {
    let stats = done("counters", pfn.stats());
    stats.made.wrapping_sub(stats.dropped)
}

fn unmap_parts() {
    let pfn = Pfn::open();
    let others = others(&pfn);
    let (data, status, page) = (place(0), place(1), page());
    done("map", pfn.map_data(data, 0, 8));
    done("map", pfn.map_status(status, 0, 8));
    fits(&pfn, others, "after mmap");
    mark(data, 0, 4, 1);
    for at in [data, status] {
        done("unmap", memory::unmap(at, page));
        fits(&pfn, others, "after munmap of the start");
        done("unmap", memory::unmap(at + 7 * page, page));
        fits(&pfn, others, "after munmap of the end");
        done("unmap", memory::unmap(at + 3 * page, 2 * page));
        fits(&pfn, others, "after munmap of the middle");
        for gone in [0, 3, 4, 7] {
            dies("a load where nothing is", SIGSEGV, || {
                touch(at + gone * page)
            });
        }
    }
    same("VMAs", vmas_of(&NODE), 4);
    marked("the first part", data + page, 1, 2, 1);
    pattern("the last part", data + 5 * page, DATA + 5, 2);
    pattern("the first part", status + page, 1, 2);
    pattern("the last part", status + 5 * page, 5, 2);
}

fn moved() {
    let pfn = Pfn::open();
    let others = others(&pfn);
    let page = page();
    done("map", pfn.map_data(place(0), 0, DATA_PAGES));
    done("map", pfn.map_status(place(1), 0, STATUS_PAGES));
    mark(place(0), 0, 8, 1);
    let (data_len, status_len) = (DATA_PAGES * page, STATUS_PAGES * page);
    done(
        "move",
        memory::relocate(place(0), data_len, place(2), data_len, 0),
    );
    done(
        "move",
        memory::relocate(place(1), status_len, place(3), status_len, 0),
    );
    fits(&pfn, others, "after mremap");
    same("VMAs", vmas_of(&NODE), 2);
    marked("what was faulted in", place(2), 0, 8, 1);
    pattern(
        "what was not",
        place(2) + 8 * page,
        DATA + 8,
        DATA_PAGES - 8,
    );
    pattern("the status part", place(3), 0, STATUS_PAGES);
    for gone in [place(0), place(1)] {
        dies("a load at the old place", SIGSEGV, || touch(gone));
    }
    done("revoke", pfn.revoke());
    marked("after REVOKE", place(2), 0, 8, 1);
    pattern("after REVOKE", place(3), 0, STATUS_PAGES);
}

fn moved_part() {
    let pfn = Pfn::open();
    let others = others(&pfn);
    let page = page();
    done("map", pfn.map_data(place(0), 0, 8));
    done("map", pfn.map_status(place(1), 0, 8));
    mark(place(0), 0, 8, 1);
    for (from, to) in [(place(0), place(2)), (place(1), place(3))] {
        let from = from + 3 * page;
        done("move", memory::relocate(from, 2 * page, to, 2 * page, 0));
        fits(&pfn, others, "after mremap of the middle");
    }
    same("VMAs", vmas_of(&NODE), 6);
    marked("before the middle", place(0), 0, 3, 1);
    marked("the middle", place(2), 3, 2, 1);
    marked("after the middle", place(0) + 5 * page, 5, 3, 1);
    pattern("before the middle", place(1), 0, 3);
    pattern("the middle", place(3), 3, 2);
    pattern("after the middle", place(1) + 5 * page, 5, 3);
    done("revoke", pfn.revoke());
    marked("the middle after REVOKE", place(2), 3, 2, 1);
    pattern("the middle after REVOKE", place(3), 3, 2);
}

fn enlarged() {
    let pfn = Pfn::open();
    let page = page();
    done("map", pfn.map_data(place(0), 0, 4));
    done("map", pfn.map_status(place(1), 0, 4));
    for at in [place(0), place(1)] {
        let there = place(2);
        refused(
            "in place",
            libc::EFAULT,
            memory::resize(at, 4 * page, 5 * page),
        );
        refused(
            "moving",
            libc::EFAULT,
            memory::relocate(at, 4 * page, there, 5 * page, 0),
        );
    }
    pattern("the data part", place(0), DATA, 4);
    pattern("the status part", place(1), 0, 4);
}

fn shrunk() {
    let pfn = Pfn::open();
    let others = others(&pfn);
    let page = page();
    done("map", pfn.map_data(place(0), 0, 4));
    done("map", pfn.map_status(place(1), 0, 4));
    for at in [place(0), place(1)] {
        done("shrink", memory::resize(at, 4 * page, 2 * page));
        dies("a load at what was given back", SIGSEGV, || {
            touch(at + 2 * page)
        });
    }
    fits(&pfn, others, "after mremap");
    pattern("the data part", place(0), DATA, 2);
    pattern("the status part", place(1), 0, 2);
}

fn moved_and_left() {
    let pfn = Pfn::open();
    let len = 4 * page();
    done("map", pfn.map_data(place(0), 0, 4));
    done("map", pfn.map_status(place(1), 0, 4));
    for at in [place(0), place(1)] {
        let moved = memory::relocate(at, len, place(2), len, MREMAP_DONTUNMAP);
        refused("MREMAP_DONTUNMAP", libc::EINVAL, moved);
    }
}

fn protected() {
    let pfn = Pfn::open();
    let len = 4 * page();
    done("map", pfn.map_data(place(0), 0, 4));
    mark(place(0), 0, 2, 1);
    done("protect", memory::protect(place(0), len, PROT_READ));
    marked("what was stored", place(0), 0, 2, 1);
    pattern("what was not", place(0) + 2 * page(), DATA + 2, 2);
    for number in 0..4 {
        dies("a store", SIGSEGV, || {
            set_word(place(0) + number * page(), 1)
        });
    }
    done(
        "protect",
        memory::protect(place(0), len, PROT_READ | PROT_WRITE),
    );
    mark(place(0), 0, 4, 2);
    marked("after stores", place(0), 0, 4, 2);
}

fn protected_middle() {
    let pfn = Pfn::open();
    let others = others(&pfn);
    let (at, page) = (place(0), page());
    done("map", pfn.map_data(at, 0, 8));
    mark(at, 0, 8, 1);
    done(
        "protect",
        memory::protect(at + 3 * page, 2 * page, PROT_READ),
    );
    fits(&pfn, others, "after mprotect of the middle");
    same("VMAs", vmas_of(&NODE), 3);
    dies("a store to the middle", SIGSEGV, || {
        set_word(at + 4 * page, 1)
    });
    mark(at, 0, 3, 2);
    mark(at + 5 * page, 5, 3, 2);
    marked("the middle", at + 3 * page, 3, 2, 1);
    done("revoke", pfn.revoke());
    dies("a store to the middle after REVOKE", SIGSEGV, || {
        set_word(at + 4 * page, 1)
    });
    marked("before the middle", at, 0, 3, 2);
    marked("the middle", at + 3 * page, 3, 2, 1);
    done(
        "protect",
        memory::protect(at + 3 * page, 2 * page, PROT_READ | PROT_WRITE),
    );
    fits(&pfn, others, "after mprotect back");
    mark(at, 0, 8, 3);
    marked("all pages", at, 0, 8, 3);
}

fn status_inaccessible() {
    let pfn = Pfn::open();
    let len = STATUS_PAGES * page();
    done("map", pfn.map_status(place(0), 0, STATUS_PAGES));
    done("protect", memory::protect(place(0), len, PROT_NONE));
    dies("a load", SIGSEGV, || touch(place(0)));
    refused(
        "mprotect",
        libc::EACCES,
        memory::protect(place(0), len, PROT_READ | PROT_WRITE),
    );
    done("protect", memory::protect(place(0), len, PROT_READ));
    pattern("the status part", place(0), 0, STATUS_PAGES);
    dies("a store", SIGSEGV, || set_word(place(0), 1));
}

fn mapped_over() {
    let pfn = Pfn::open();
    let others = others(&pfn);
    let page = page();
    done("map", pfn.map_data(place(0), 0, 8));
    done("map", pfn.map_status(place(1), 0, 8));
    mark(place(0), 0, 8, 1);
    for at in [place(0), place(1)] {
        let middle = at + 2 * page;
        done("map over", memory::map_anonymous(middle, 3 * page));
        fits(&pfn, others, "after anonymous memory in the middle");
        zero("anonymous memory", middle, 3);
        done("revoke", pfn.revoke());
        mark(middle, 2, 3, 9);
        done("revoke", pfn.revoke());
        marked("anonymous memory after REVOKE", middle, 2, 3, 9);
    }
    marked("before it", place(0), 0, 2, 1);
    marked("after it", place(0) + 5 * page, 5, 3, 1);
    pattern("before it", place(1), 0, 2);
    pattern("after it", place(1) + 5 * page, 5, 3);
}

fn dont_need() {
    let pfn = Pfn::open();
    let len = 4 * page();
    done("map", pfn.map_data(place(0), 0, 4));
    mark(place(0), 0, 4, 1);
    refused(
        "madvise",
        libc::EINVAL,
        memory::advise(place(0), len, MADV_DONTNEED),
    );
    marked("what was stored", place(0), 0, 4, 1);
}

fn dont_fork() {
    let pfn = Pfn::open();
    done("map", pfn.map_data(place(0), 0, 4));
    done("map", pfn.map_status(place(1), 0, 4));
    mark(place(0), 0, 4, 1);
    done(
        "madvise",
        memory::advise(place(0), 4 * page(), MADV_DONTFORK),
    );
    let before = done("counters", pfn.stats());
    in_child("a child", || {
        same("VMAs of the child", vmas_of(&NODE), 1);
        same(
            "VMAs made",
            done("counters", pfn.stats()).made - before.made,
            1,
        );
        pattern("in the child", place(1), 0, 4);
    });
    dies("a load in the child", SIGSEGV, || touch(place(0)));
    marked("in the parent", place(0), 0, 4, 1);
}

fn exit_with_mappings() {
    let pfn = Pfn::open();
    let before = done("counters", pfn.stats());
    in_child("a child", || {
        let own = Pfn::open();
        done("map", own.map_data(place(0), 0, 8));
        done("map", own.map_status(place(1), 0, 8));
        done("unmap", memory::unmap(place(0) + 2 * page(), page()));
        mark(place(0), 0, 2, 1);
        // The file stays open, too, until the end.
        std::mem::forget(own);
    });
    let after = done("counters", pfn.stats());
    let made = after.made - before.made;
    assert!(made >= 3, "{made} VMAs made, although there were 3 at once");
    same("VMAs dropped", after.dropped - before.dropped, made);
    same("pieces of memory", after.pieces, before.pieces);
    same("pages", after.pages, before.pages);
}
