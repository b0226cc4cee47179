// SPDX-License-Identifier: GPL-2.0

//! What must hold before any other test.

use super::test;
use crate::check::{done, same};
use crate::device::{Buffer, Pfn, Userptr};
use vma_guest::runner::Test;

pub const TESTS: &[Test] = &[
    test(
        "at first: no pages of buffers, no VMAs, no pins",
        nothing_is_left,
    ),
    test(
        "at first: opening a file of each device and closing it is no leak",
        open_and_close,
    ),
];

fn nothing_is_left() {
    let buffer = done(
        "the buffer's counters",
        done("open", Buffer::open()).stats(),
    );
    same("pages of buffers", buffer.pages, 0);
    same(
        "VMAs of buffers that were dropped",
        buffer.dropped,
        buffer.made,
    );
    let pfn = done("the counters of pfn memory", Pfn::open().stats());
    same(
        "VMAs of pfn memory that were dropped",
        pfn.dropped,
        pfn.made,
    );
    let userptr = done("the counters of userptr", Userptr::open().stats());
    same("pages that are pinned", userptr.pinned_now, 0);
    same("pages that were unpinned", userptr.unpinned, userptr.pinned);
}

fn open_and_close() {
    let userptr = Userptr::open();
    let before = done("counters", userptr.stats()).files;
    let other = Userptr::open();
    same(
        "userptr files",
        done("counters", userptr.stats()).files,
        before + 1,
    );
    drop(other);
    same(
        "userptr files",
        done("counters", userptr.stats()).files,
        before,
    );

    let buffer = Buffer::of_pages(1);
    let before = done("counters", buffer.stats()).buffers;
    let other = Buffer::of_pages(4);
    same(
        "buffers",
        done("counters", buffer.stats()).buffers,
        before + 1,
    );
    drop(other);
    same("buffers", done("counters", buffer.stats()).buffers, before);

    let pfn = Pfn::open();
    let before = done("counters", pfn.stats()).pieces;
    let other = Pfn::open();
    same(
        "pieces of pfn memory",
        done("counters", pfn.stats()).pieces,
        before + 1,
    );
    drop(other);
    same(
        "pieces of pfn memory",
        done("counters", pfn.stats()).pieces,
        before,
    );
}
