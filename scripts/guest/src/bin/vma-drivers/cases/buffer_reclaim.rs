// SPDX-License-Identifier: GPL-2.0

//! Pages that are given up, and taken back.

use super::{mark, marked, page, test, zero};
use crate::check::{done, in_child, outlived, refused, same};
use crate::device::Buffer;
use libc::{EAGAIN, EBUSY, MAP_SHARED, MREMAP_DONTUNMAP, PROT_READ, PROT_WRITE};
use std::os::unix::fs::FileExt;
use std::thread::yield_now;
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place, set_word, word};
use vma_guest::sys::process::{self, End};

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
    test(
        "buffer: RECLAIM when only an earlier mapping is left",
        earlier_mapping,
    ),
    test(
        "buffer: RECLAIM when the last mapping is mapped over",
        mapped_over,
    ),
    test(
        "buffer: RECLAIM when a mapping was left behind (MREMAP_DONTUNMAP)",
        left_behind,
    ),
    test(
        "buffer: RECLAIM when a part was moved, and is gone",
        part_gone,
    ),
    test(
        "buffer: RECLAIM when only a child has the mapping",
        only_child,
    ),
    test(
        "buffer: RECLAIM when only a child of a process that is gone has it",
        parent_gone,
    ),
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
        EBUSY,
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
        EBUSY,
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
        refused("reclaim with a child", EBUSY, buffer.reclaim_patiently(100));
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

/// Reclaims what can be. It may be that nothing can.
#[track_caller]
pub fn may_reclaim(buffer: &Buffer) {
    if let Err(e) = buffer.reclaim_patiently(100) {
        if e.raw_os_error() != Some(EAGAIN) {
            refused("reclaim", EBUSY, Err::<(), _>(e));
        }
    }
}

/// The file and its mapping must be one and the same memory.
#[track_caller]
pub fn agree(buffer: &Buffer, at: usize, pages: usize) {
    for number in 0..pages {
        let (addr, offset) = (at + number * page() + 8, (number * page() + 8) as u64);
        let value = 0x5a5a_0000 | number as u64;
        done(
            "pwrite",
            buffer.file.write_all_at(&value.to_ne_bytes(), offset),
        );
        same("what pwrite wrote, in the mapping", word(addr), value);
        set_word(addr, !value);
        let mut bytes = [0; 8];
        done("pread", buffer.file.read_exact_at(&mut bytes, offset));
        same(
            "what was stored, by pread",
            u64::from_ne_bytes(bytes),
            !value,
        );
    }
}

fn earlier_mapping() {
    let buffer = Buffer::of_pages(4);
    for number in [0, 1] {
        done("map", buffer.map(place(number), 0, 4));
        mark(place(number), 0, 4, 1);
    }
    done("unmap", memory::unmap(place(1), 4 * page()));
    discard(&buffer, 0, 2);
    may_reclaim(&buffer);
    marked("pages that were kept", place(0) + 2 * page(), 2, 2, 1);
    agree(&buffer, place(0), 4);
}

fn mapped_over() {
    let buffer = Buffer::of_pages(4);
    let other = Buffer::of_pages(4);
    for number in [0, 1, 2] {
        done("map", buffer.map(place(number), 0, 4));
        mark(place(number), 0, 4, 1);
    }
    done("map over", memory::map_anonymous(place(1), 4 * page()));
    mark(place(1), 0, 4, 9);
    done("map over", other.map(place(2), 0, 4));
    mark(place(2), 0, 4, 2);
    discard(&buffer, 0, 2);
    may_reclaim(&buffer);
    marked("anonymous memory", place(1), 0, 4, 9);
    marked("the other buffer", place(2), 0, 4, 2);
    agree(&buffer, place(0), 4);
}

fn left_behind() {
    let buffer = Buffer::of_pages(4);
    let len = 4 * page();
    done("map", buffer.map(place(0), 0, 4));
    mark(place(0), 0, 4, 1);
    done(
        "move",
        memory::relocate(place(0), len, place(1), len, MREMAP_DONTUNMAP),
    );
    marked("the old place", place(0), 0, 4, 1);
    marked("the new place", place(1), 0, 4, 1);
    done("unmap", memory::unmap(place(1), len));
    discard(&buffer, 0, 2);
    may_reclaim(&buffer);
    agree(&buffer, place(0), 4);
}

fn part_gone() {
    let buffer = Buffer::of_pages(4);
    let half = 2 * page();
    done("map", buffer.map(place(0), 0, 4));
    mark(place(0), 0, 4, 1);
    done(
        "move",
        memory::relocate(place(0) + half, half, place(1), half, 0),
    );
    done("unmap", memory::unmap(place(1), half));
    discard(&buffer, 0, 4);
    may_reclaim(&buffer);
    agree(&buffer, place(0), 2);
}

/// Maps the buffer, and forks; when `gone` is done, the child's mapping and the file must agree.
#[track_caller]
fn child_agrees(buffer: &Buffer, gone: impl FnOnce()) {
    let turn = place(5);
    let prot = PROT_READ | PROT_WRITE;
    done("map", memory::map(turn, page(), prot, MAP_SHARED, None));
    done("map", buffer.map(place(0), 0, 4));
    mark(place(0), 0, 4, 1);
    let child = process::fork(|| {
        marked("in the child", place(0), 0, 4, 1);
        set_word(turn, 1);
        while word(turn) < 2 {
            yield_now();
        }
        agree(buffer, place(0), 4);
        0
    });
    let child = done("fork", child);
    while word(turn) < 1 {
        yield_now();
    }
    gone();
    discard(buffer, 0, 2);
    may_reclaim(buffer);
    set_word(turn, 2);
    same(
        "the child's end",
        done("wait", child.wait()),
        End::Exited(0),
    );
}

fn only_child() {
    let buffer = Buffer::of_pages(4);
    child_agrees(&buffer, || {
        done("unmap", memory::unmap(place(0), 4 * page()))
    });
}

fn parent_gone() {
    let buffer = Buffer::of_pages(4);
    outlived(
        "a mapping",
        || {
            done("map", buffer.map(place(0), 0, 4));
            mark(place(0), 0, 4, 1);
        },
        || {
            discard(&buffer, 0, 2);
            may_reclaim(&buffer);
            agree(&buffer, place(0), 4);
        },
    );
}
