// SPDX-License-Identifier: GPL-2.0

//! Checks before any other test.

use super::*;

suite! {
    "at first":
    finds_no_pages_no_vmas_no_pins, opening_and_closing_leaks_nothing,
}

fn finds_no_pages_no_vmas_no_pins() {
    let buffer = Buffer::open().must().stats();
    assert_eq!(buffer.pages, 0);
    assert_eq!(buffer.dropped, buffer.made);
    let pfn = Pfn::open().stats();
    assert_eq!(pfn.dropped, pfn.made);
    let userptr = Userptr::open().stats();
    assert_eq!(userptr.pinned_now, 0);
    assert_eq!(userptr.unpinned, userptr.pinned);
}

fn opening_and_closing_leaks_nothing() {
    let userptr = Userptr::open();
    let before = userptr.stats().files;
    let other = Userptr::open();
    assert_eq!(userptr.stats().files, before + 1);
    drop(other);
    assert_eq!(userptr.stats().files, before);

    let buffer = Buffer::of_pages(1);
    let before = buffer.stats().buffers;
    let other = Buffer::of_pages(4);
    assert_eq!(buffer.stats().buffers, before + 1);
    drop(other);
    assert_eq!(buffer.stats().buffers, before);

    let pfn = Pfn::open();
    let before = pfn.stats().pieces;
    let other = Pfn::open();
    assert_eq!(pfn.stats().pieces, before + 1);
    drop(other);
    assert_eq!(pfn.stats().pieces, before);
}
