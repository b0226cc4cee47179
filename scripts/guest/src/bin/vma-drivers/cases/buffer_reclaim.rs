// SPDX-License-Identifier: GPL-2.0

//! Pages that are given up, and taken back.

use super::*;

suite! {
    "buffer":
    discard_and_reclaim_free_and_zero_pages, discard_alone_keeps_pages_accessible,
    reclaim_takes_only_discarded_pages, reclaim_takes_no_more_than_asked,
    reclaim_works_without_a_mapping, reclaim_follows_a_moved_mapping, reclaim_of_two_vmas_is_ebusy,
    reclaim_of_a_split_vma_is_ebusy, reclaim_with_a_child_is_ebusy, populate_refills_after_reclaim,
    reclaim_with_only_an_earlier_mapping, reclaim_with_the_last_mapping_replaced,
    reclaim_after_mremap_dontunmap, reclaim_with_a_moved_part_gone,
    reclaim_with_the_mapping_in_a_child, reclaim_with_the_mapping_in_an_orphan,
}

/// Discards pages that have contents, all of them.
#[track_caller]
fn discard(buffer: &Buffer, first: u64, pages: u64) {
    buffer.discard(first, pages).must_give(pages);
}

fn discard_and_reclaim_free_and_zero_pages() {
    let buffer = marked_buffer(8);
    let (at, page) = (place(0), page());
    discard(&buffer, 2, 4);
    let before = buffer.stats();
    buffer.reclaim_patiently(100).must_give(4);
    let after = buffer.stats();
    assert_eq!(before.pages - after.pages, 4);
    assert_eq!(after.reclaimed - before.reclaimed, 4);
    assert_eq!(after.faults, before.faults);

    marked(at, 0, 2, 1);
    zero(at + 2 * page, 4);
    marked(at + 6 * page, 6, 2, 1);
    let after = buffer.stats();
    assert_eq!(after.faults - before.faults, 4);
    assert_eq!(after.pages, before.pages);
    mark(at + 2 * page, 2, 4, 1);
    marked(at, 0, 8, 1);
    buffer.reclaim_patiently(100).must_give(0);
    marked(at, 0, 8, 1);
}

fn discard_alone_keeps_pages_accessible() {
    let buffer = marked_buffer(4);
    discard(&buffer, 1, 2);
    marked(place(0), 0, 1, 1);
    for number in [1, 2] {
        let addr = place(0) + number * page();
        let got = memory::word(addr);
        assert!(
            got == 0 || got == 1 << 32 | number as u64,
            "{got:#x} in a discarded page"
        );
    }
    marked(place(0) + 3 * page(), 3, 1, 1);
}

fn reclaim_takes_only_discarded_pages() {
    let buffer = marked_buffer(4);
    buffer.reclaim_patiently(100).must_give(0);
    marked(place(0), 0, 4, 1);
    let empty = Buffer::of_pages(4);
    empty.discard(0, 4).must_give(0);
    empty.reclaim_patiently(100).must_give(0);
}

fn reclaim_takes_no_more_than_asked() {
    let buffer = marked_buffer(8);
    discard(&buffer, 0, 6);
    for wanted in [2, 2, 1] {
        let got = buffer.reclaim_patiently(wanted).must();
        assert_eq!(got, wanted);
    }
    buffer.reclaim_patiently(100).must_give(1);
    marked(place(0) + 6 * page(), 6, 2, 1);
    zero(place(0), 6);
}

fn reclaim_works_without_a_mapping() {
    let buffer = marked_buffer(4);
    unmap(place(0), 4 * page());
    discard(&buffer, 1, 2);
    buffer.reclaim_patiently(100).must_give(2);
    buffer.map(place(0), 0, 4).must();
    marked(place(0), 0, 1, 1);
    zero(place(0) + page(), 2);
    marked(place(0) + 3 * page(), 3, 1, 1);
}

fn reclaim_follows_a_moved_mapping() {
    let buffer = marked_buffer(4);
    let (from, to, len) = (place(0), place(1), 4 * page());
    discard(&buffer, 1, 2);
    relocate(from, to, len);
    buffer.reclaim_patiently(100).must_give(2);
    marked(to, 0, 1, 1);
    zero(to + page(), 2);
    marked(to + 3 * page(), 3, 1, 1);
}

fn reclaim_of_two_vmas_is_ebusy() {
    let buffer = mapped_buffer(4);
    buffer.map(place(1), 0, 4).must();
    mark(place(0), 0, 4, 1);
    mark(place(1), 0, 4, 1);
    discard(&buffer, 0, 2);
    buffer.reclaim_patiently(100).must_fail(EBUSY);
    marked(place(1) + 2 * page(), 2, 2, 1);
    unmap(place(0), 4 * page());
    buffer.reclaim_patiently(100).must_give(2);
    zero(place(1), 2);
}

fn reclaim_of_a_split_vma_is_ebusy() {
    let buffer = marked_buffer(4);
    let (at, page) = (place(0), page());
    discard(&buffer, 0, 1);
    protect(at + 2 * page, 2 * page, PROT_READ);
    buffer.reclaim_patiently(100).must_fail(EBUSY);
    unmap(at + 2 * page, 2 * page);
    buffer.reclaim_patiently(100).must_give(1);
    zero(at, 1);
    marked(at + page, 1, 1, 1);
}

fn reclaim_with_a_child_is_ebusy() {
    let buffer = marked_buffer(4);
    discard(&buffer, 0, 2);
    in_child(|| {
        buffer.reclaim_patiently(100).must_fail(EBUSY);
        unmap(place(0), 4 * page());
        // Its parent's mapping is the only one now.
        buffer.reclaim_patiently(1).must_give(1);
    });
    buffer.reclaim_patiently(100).must_give(1);
    zero(place(0), 2);
    marked(place(0) + 2 * page(), 2, 2, 1);
}

fn populate_refills_after_reclaim() {
    let buffer = marked_buffer(4);
    discard(&buffer, 1, 2);
    buffer.reclaim_patiently(100).must_give(2);
    buffer.populate(0, 4).must_give(2);
    let before = buffer.stats().faults;
    marked(place(0), 0, 1, 1);
    zero(place(0) + page(), 2);
    marked(place(0) + 3 * page(), 3, 1, 1);
    assert_eq!(buffer.stats().faults, before);
}

/// Reclaims what can be. It may be that nothing can.
#[track_caller]
pub fn may_reclaim(buffer: &Buffer) {
    buffer.reclaim_patiently(100).unless(&[EAGAIN, EBUSY]);
}

/// The file and its mapping must be one and the same memory.
#[track_caller]
pub fn agree(buffer: &Buffer, at: usize, pages: usize) {
    for number in 0..pages {
        let (addr, offset) = (at + number * page() + 8, (number * page() + 8) as u64);
        let value = 0x5a5a_0000 | number as u64;
        buffer
            .file
            .write_all_at(&value.to_ne_bytes(), offset)
            .must();
        assert_eq!(word(addr), value);
        set_word(addr, !value);
        let mut bytes = [0; 8];
        buffer.file.read_exact_at(&mut bytes, offset).must();
        assert_eq!(u64::from_ne_bytes(bytes), !value);
    }
}

fn reclaim_with_only_an_earlier_mapping() {
    let buffer = Buffer::of_pages(4);
    for number in [0, 1] {
        buffer.map(place(number), 0, 4).must();
        mark(place(number), 0, 4, 1);
    }
    unmap(place(1), 4 * page());
    discard(&buffer, 0, 2);
    may_reclaim(&buffer);
    marked(place(0) + 2 * page(), 2, 2, 1);
    agree(&buffer, place(0), 4);
}

fn reclaim_with_the_last_mapping_replaced() {
    let buffer = Buffer::of_pages(4);
    let other = Buffer::of_pages(4);
    for number in [0, 1, 2] {
        buffer.map(place(number), 0, 4).must();
        mark(place(number), 0, 4, 1);
    }
    map_anonymous(place(1), 4 * page());
    mark(place(1), 0, 4, 9);
    other.map(place(2), 0, 4).must();
    mark(place(2), 0, 4, 2);
    discard(&buffer, 0, 2);
    may_reclaim(&buffer);
    marked(place(1), 0, 4, 9);
    marked(place(2), 0, 4, 2);
    agree(&buffer, place(0), 4);
}

fn reclaim_after_mremap_dontunmap() {
    let buffer = marked_buffer(4);
    let len = 4 * page();
    memory::relocate(place(0), len, place(1), len, MREMAP_DONTUNMAP).must();
    marked(place(0), 0, 4, 1);
    marked(place(1), 0, 4, 1);
    unmap(place(1), len);
    discard(&buffer, 0, 2);
    may_reclaim(&buffer);
    agree(&buffer, place(0), 4);
}

fn reclaim_with_a_moved_part_gone() {
    let buffer = marked_buffer(4);
    let half = 2 * page();
    relocate(place(0) + half, place(1), half);
    unmap(place(1), half);
    discard(&buffer, 0, 4);
    may_reclaim(&buffer);
    agree(&buffer, place(0), 2);
}

/// Maps the buffer, and forks; when `gone` is done, the child's mapping and the file must agree.
#[track_caller]
fn child_agrees(buffer: &Buffer, gone: impl FnOnce()) {
    let turn = place(5);
    map_shared_page(turn);
    buffer.map(place(0), 0, 4).must();
    mark(place(0), 0, 4, 1);
    let child = forked(|| {
        marked(place(0), 0, 4, 1);
        set_word(turn, 1);
        wait_for(turn, 2);
        agree(buffer, place(0), 4);
        0
    });
    wait_for(turn, 1);
    gone();
    discard(buffer, 0, 2);
    may_reclaim(buffer);
    set_word(turn, 2);
    child.wait().must_give(End::Exited(0));
}

fn reclaim_with_the_mapping_in_a_child() {
    let buffer = Buffer::of_pages(4);
    child_agrees(&buffer, || unmap(place(0), 4 * page()));
}

fn reclaim_with_the_mapping_in_an_orphan() {
    let buffer = Buffer::of_pages(4);
    outlived(
        || {
            buffer.map(place(0), 0, 4).must();
            mark(place(0), 0, 4, 1);
        },
        || {
            discard(&buffer, 0, 2);
            may_reclaim(&buffer);
            agree(&buffer, place(0), 4);
        },
    );
}
