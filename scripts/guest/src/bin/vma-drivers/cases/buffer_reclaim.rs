// SPDX-License-Identifier: GPL-2.0

//! Pages that are given up, and taken back.

use super::{mark, marked, page, test, zero};
use crate::check::{done, in_child, refused, same};
use crate::device::Buffer;
use libc::PROT_READ;
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place};

pub const TESTS: &[Test] = &[
    test(
        "buffer: DISCARD and RECLAIM free pages, which are zero then",
        reclaim,
    ),
    test("buffer: DISCARD alone keeps pages accessible", discard_only),
    test(
        "buffer: RECLAIM takes nothing that was not discarded",
        nothing_discarded,
    ),
    test("buffer: RECLAIM takes no more than it was asked for", some),
    test("buffer: RECLAIM without a mapping", unmapped),
    test("buffer: RECLAIM under a mapping that was moved", moved),
    test("buffer: RECLAIM with two VMAs is EBUSY", two_vmas),
    test("buffer: RECLAIM with a VMA that was split is EBUSY", split),
    test("buffer: RECLAIM with a child is EBUSY", child),
    test("buffer: POPULATE after RECLAIM", populate),
];

/// Discards pages that have contents, all of them.
#[track_caller]
fn discard(buffer: &Buffer, first: u64, pages: u64) {
    same(
        "pages discarded",
        done("discard", buffer.discard(first, pages)),
        pages,
    );
}

fn reclaim() {
    let buffer = Buffer::of_pages(8);
    let (at, page) = (place(0), page());
    done("map", buffer.map(at, 0, 8));
    mark(at, 0, 8, 1);
    discard(&buffer, 2, 4);
    let before = done("counters", buffer.stats());
    same(
        "pages reclaimed",
        done("reclaim", buffer.reclaim_patiently(100)),
        4,
    );
    let after = done("counters", buffer.stats());
    same("pages that are left", before.pages - after.pages, 4);
    same(
        "pages reclaimed, as counted",
        after.reclaimed - before.reclaimed,
        4,
    );
    same("faults so far", after.faults, before.faults);

    marked("pages before", at, 0, 2, 1);
    zero("pages that were reclaimed", at + 2 * page, 4);
    marked("pages after", at + 6 * page, 6, 2, 1);
    let after = done("counters", buffer.stats());
    same("faults", after.faults - before.faults, 4);
    same("pages", after.pages, before.pages);
    mark(at + 2 * page, 2, 4, 1);
    marked("all pages", at, 0, 8, 1);
    same(
        "pages reclaimed again",
        done("reclaim", buffer.reclaim_patiently(100)),
        0,
    );
    marked("all pages", at, 0, 8, 1);
}

fn discard_only() {
    let buffer = Buffer::of_pages(4);
    done("map", buffer.map(place(0), 0, 4));
    mark(place(0), 0, 4, 1);
    discard(&buffer, 1, 2);
    marked("a page before", place(0), 0, 1, 1);
    for number in [1, 2] {
        let addr = place(0) + number * page();
        let got = memory::word(addr);
        assert!(
            got == 0 || got == 1 << 32 | number as u64,
            "{got:#x} in a discarded page"
        );
    }
    marked("a page after", place(0) + 3 * page(), 3, 1, 1);
}

fn nothing_discarded() {
    let buffer = Buffer::of_pages(4);
    done("map", buffer.map(place(0), 0, 4));
    mark(place(0), 0, 4, 1);
    same(
        "pages reclaimed",
        done("reclaim", buffer.reclaim_patiently(100)),
        0,
    );
    marked("all pages", place(0), 0, 4, 1);
    let empty = Buffer::of_pages(4);
    same(
        "pages discarded of none",
        done("discard", empty.discard(0, 4)),
        0,
    );
    same(
        "pages reclaimed of none",
        done("reclaim", empty.reclaim_patiently(100)),
        0,
    );
}

fn some() {
    let buffer = Buffer::of_pages(8);
    done("map", buffer.map(place(0), 0, 8));
    mark(place(0), 0, 8, 1);
    discard(&buffer, 0, 6);
    for wanted in [2, 2, 1] {
        let got = done("reclaim", buffer.reclaim_patiently(wanted));
        same("pages reclaimed", got, wanted);
    }
    same(
        "pages reclaimed at last",
        done("reclaim", buffer.reclaim_patiently(100)),
        1,
    );
    marked("pages that were kept", place(0) + 6 * page(), 6, 2, 1);
    zero("pages that were reclaimed", place(0), 6);
}

fn unmapped() {
    let buffer = Buffer::of_pages(4);
    done("map", buffer.map(place(0), 0, 4));
    mark(place(0), 0, 4, 1);
    done("unmap", memory::unmap(place(0), 4 * page()));
    discard(&buffer, 1, 2);
    same(
        "pages reclaimed",
        done("reclaim", buffer.reclaim_patiently(100)),
        2,
    );
    done("map", buffer.map(place(0), 0, 4));
    marked("a page before", place(0), 0, 1, 1);
    zero("pages that were reclaimed", place(0) + page(), 2);
    marked("a page after", place(0) + 3 * page(), 3, 1, 1);
}

fn moved() {
    let buffer = Buffer::of_pages(4);
    let (from, to, len) = (place(0), place(1), 4 * page());
    done("map", buffer.map(from, 0, 4));
    mark(from, 0, 4, 1);
    discard(&buffer, 1, 2);
    done("move", memory::relocate(from, len, to, len, 0));
    same(
        "pages reclaimed",
        done("reclaim", buffer.reclaim_patiently(100)),
        2,
    );
    marked("a page before", to, 0, 1, 1);
    zero("pages that were reclaimed", to + page(), 2);
    marked("a page after", to + 3 * page(), 3, 1, 1);
}

fn two_vmas() {
    let buffer = Buffer::of_pages(4);
    done("map", buffer.map(place(0), 0, 4));
    done("map", buffer.map(place(1), 0, 4));
    mark(place(0), 0, 4, 1);
    mark(place(1), 0, 4, 1);
    discard(&buffer, 0, 2);
    refused(
        "reclaim with two VMAs",
        libc::EBUSY,
        buffer.reclaim_patiently(100),
    );
    marked("pages that were kept", place(1) + 2 * page(), 2, 2, 1);
    done("unmap", memory::unmap(place(0), 4 * page()));
    same(
        "pages reclaimed",
        done("reclaim", buffer.reclaim_patiently(100)),
        2,
    );
    zero("pages that were reclaimed", place(1), 2);
}

fn split() {
    let buffer = Buffer::of_pages(4);
    let (at, page) = (place(0), page());
    done("map", buffer.map(at, 0, 4));
    mark(at, 0, 4, 1);
    discard(&buffer, 0, 1);
    done(
        "protect",
        memory::protect(at + 2 * page, 2 * page, PROT_READ),
    );
    refused(
        "reclaim with a split VMA",
        libc::EBUSY,
        buffer.reclaim_patiently(100),
    );
    done("unmap", memory::unmap(at + 2 * page, 2 * page));
    same(
        "pages reclaimed",
        done("reclaim", buffer.reclaim_patiently(100)),
        1,
    );
    zero("a page that was reclaimed", at, 1);
    marked("a page that was kept", at + page, 1, 1, 1);
}

fn child() {
    let buffer = Buffer::of_pages(4);
    done("map", buffer.map(place(0), 0, 4));
    mark(place(0), 0, 4, 1);
    discard(&buffer, 0, 2);
    in_child("a child", || {
        refused(
            "reclaim with a child",
            libc::EBUSY,
            buffer.reclaim_patiently(100),
        );
        done("unmap", memory::unmap(place(0), 4 * page()));
        // Its parent's mapping is the only one now.
        same(
            "pages reclaimed",
            done("reclaim", buffer.reclaim_patiently(1)),
            1,
        );
    });
    same(
        "pages reclaimed",
        done("reclaim", buffer.reclaim_patiently(100)),
        1,
    );
    zero("pages that were reclaimed", place(0), 2);
    marked("pages that were kept", place(0) + 2 * page(), 2, 2, 1);
}

fn populate() {
    let buffer = Buffer::of_pages(4);
    done("map", buffer.map(place(0), 0, 4));
    mark(place(0), 0, 4, 1);
    discard(&buffer, 1, 2);
    same(
        "pages reclaimed",
        done("reclaim", buffer.reclaim_patiently(100)),
        2,
    );
    same(
        "pages populated",
        done("populate", buffer.populate(0, 4)),
        2,
    );
    let before = done("counters", buffer.stats()).faults;
    marked("a page before", place(0), 0, 1, 1);
    zero("pages that were reclaimed", place(0) + page(), 2);
    marked("a page after", place(0) + 3 * page(), 3, 1, 1);
    same("faults", done("counters", buffer.stats()).faults, before);
}
