// SPDX-License-Identifier: GPL-2.0

//! Memory of several pieces, mapped at once, or added and replaced while it is mapped.

use super::*;
use vma_guest::device::Pieces;
use vma_guest::device::pieces::{BUFFER_PAGES, DUMMY, DUMMY_PAGES, PUT, SLOT_PAGES, SLOTS, TAKE};

suite! {
    "pieces":
    buffer_is_mapped_at_once, each_range_of_the_buffer_can_be_mapped, ranges_beyond_are_refused,
    buffer_is_split_moved_and_protected, child_has_the_buffer, debuggers_see_the_buffer,
    empty_slots_are_no_memory, slots_are_filled_and_emptied, dummy_page_takes_the_place,
    slots_that_there_are_not, slots_are_not_protected, slots_of_children_and_moved_mappings,
    debuggers_see_slots, slots_are_replaced_under_load, mapping_of_slots_comes_and_goes,
}

/// The pages of the buffer that are not the dummy page.
const BLOCK_PAGES: usize = BUFFER_PAGES - DUMMY_PAGES;

/// The pages of all slots.
const ALL: usize = SLOTS * SLOT_PAGES;

fn slot_at(at: usize, slot: usize) -> usize {
    at + slot * SLOT_PAGES * page()
}

/// The buffer at the first place, marked.
#[track_caller]
pub fn marked_pieces() -> Pieces {
    let pieces = Pieces::open();
    pieces.map_buffer(place(0), 0, BUFFER_PAGES).must();
    mark(place(0), 0, BLOCK_PAGES, 1);
    pieces
}

/// All slots at the second place, each with its own pages.
#[track_caller]
pub fn full_slots() -> Pieces {
    let pieces = Pieces::open();
    for slot in 0..SLOTS {
        pieces.slot(PUT, slot).must();
    }
    pieces.map_slots(place(1), 0, ALL).must();
    mark(place(1), 0, ALL, 1);
    pieces
}

#[track_caller]
fn nothing_at(addr: usize) {
    let bytes = sys::memfd(c"bytes").must();
    copy(&bytes, addr, 8).must_fail(EFAULT);
    dies(SIGBUS, || touch(addr));
    dies(SIGBUS, || set_word(addr, 1));
}

fn buffer_is_mapped_at_once() {
    let pieces = Pieces::open();
    let before = pieces.stats();
    pieces.map_buffer(place(0), 0, BUFFER_PAGES).must();
    zero(place(0), BUFFER_PAGES);
    mark(place(0), 0, BLOCK_PAGES, 1);
    pieces.map_buffer(place(1), 0, BUFFER_PAGES).must();
    marked(place(1), 0, BLOCK_PAGES, 1);
    assert_eq!(pieces.stats().faults, before.faults);
    assert_eq!(pieces.stats().vmas(), before.vmas() + 2);

    // The last pages are one.
    set_word(place(0) + BLOCK_PAGES * page() + 8, 7);
    for number in BLOCK_PAGES..BUFFER_PAGES {
        assert_eq!(word(place(1) + number * page() + 8), 7);
    }
    drop(pieces);
    unmap(place(1), BUFFER_PAGES * page());
    marked(place(0), 0, BLOCK_PAGES, 1);
}

fn each_range_of_the_buffer_can_be_mapped() {
    let pieces = marked_pieces();
    for first in 0..BLOCK_PAGES {
        for pages in 1..=BLOCK_PAGES - first {
            pieces.map_buffer(place(1), first, pages).must();
            marked(place(1), first as u64, pages, 1);
            unmap(place(1), pages * page());
        }
    }
    assert_eq!(pieces.stats().vmas(), 1);
}

fn ranges_beyond_are_refused() {
    let pieces = Pieces::open();
    let end = BUFFER_PAGES + ALL;
    let (page, max) = (page(), i64::MAX as usize / page() * page());
    let at = |number: usize| (number * page) as i64;
    refuses_lengths(
        &pieces.file,
        RW,
        &[
            (page, at(end), ENXIO),
            (2 * page, at(end - 1), ENXIO),
            (end * page + page, 0, ENXIO),
            (page, max as i64, ENXIO),
            (2 * page, at(BUFFER_PAGES - 1), EINVAL),
            (end * page, 0, EINVAL),
        ],
    );
    device::map(&pieces.file, place(0), 0, 1, RW, MAP_PRIVATE).must_fail(EINVAL);
    map_shared(&pieces.file, place(0), 0, 1, PROT_READ | PROT_EXEC).must_fail(EPERM);
    assert_eq!(pieces.stats().vmas(), 0);
}

fn buffer_is_split_moved_and_protected() {
    let pieces = marked_pieces();
    // The middle of a block, and the dummy page.
    unmap(place(0) + 4 * page(), page());
    dies(SIGSEGV, || touch(place(0) + 4 * page()));
    relocate(place(0) + 5 * page(), place(1), (BUFFER_PAGES - 5) * page());
    marked(place(0), 0, 4, 1);
    marked(place(1), 5, BLOCK_PAGES - 5, 1);

    // It has one memory type.
    protect(place(0) + page(), page(), PROT_READ);
    dies(SIGSEGV, || set_word(place(0) + page(), 1));
    protect(place(0) + page(), page(), RW);
    mark(place(0), 0, 4, 2);
    marked(place(0), 0, 4, 2);
    unmap(place(0), 4 * page());
    unmap(place(1), (BUFFER_PAGES - 5) * page());
    assert_eq!(pieces.stats().vmas(), 0);
    drop(pieces);
    assert_eq!(Pieces::open().stats().regions, 2);
}

fn child_has_the_buffer() {
    outlived(
        || {
            marked_pieces();
        },
        || {
            marked(place(0), 0, BLOCK_PAGES, 1);
            mark(place(0), 0, BLOCK_PAGES, 2);
            marked(place(0), 0, BLOCK_PAGES, 2);
        },
    );
}

fn debuggers_see_the_buffer() {
    let _pieces = marked_pieces();
    let memory = own_memory();
    let mut bytes = vec![1; BLOCK_PAGES * page()];
    memory.read_exact_at(&mut bytes, place(0) as u64).must();
    holds(place(0), &bytes);
    // Across the end of a block, and to the dummy page.
    for number in [1, 3, BLOCK_PAGES] {
        let addr = place(0) + number * page() - 8;
        let words = [5_u64.to_ne_bytes(), 6_u64.to_ne_bytes()].concat();
        memory.write_all_at(&words, addr as u64).must();
        assert_eq!((word(addr), word(addr + 8)), (5, 6));
    }
    let last = place(0) + BUFFER_PAGES * page() - 8;
    assert_eq!(memory.read_at(&mut [0; 16], last as u64).must(), 8);
}

fn empty_slots_are_no_memory() {
    let pieces = Pieces::open();
    pieces.map_slots(place(0), 0, ALL).must();
    nothing_at(place(0));
    nothing_at(place(0) + (ALL - 1) * page());
    own_memory()
        .read_at(&mut [0; 8], place(0) as u64)
        .must_fail(EIO);
}

fn slots_are_filled_and_emptied() {
    let pieces = Pieces::open();
    pieces.map_slots(place(0), 0, ALL).must();
    pieces.map_slots(place(1), 2, SLOT_PAGES).must();
    for slot in 0..SLOTS {
        pieces.slot(PUT, slot).must();
        zero(slot_at(place(0), slot), SLOT_PAGES);
    }
    mark(place(0), 0, ALL, 1);
    marked(place(1), 2, SLOT_PAGES, 1);

    pieces.slot(TAKE, 1).must();
    nothing_at(slot_at(place(0), 1));
    nothing_at(place(1));
    marked(place(0), 0, SLOT_PAGES, 1);
    marked(slot_at(place(0), 2), 4, ALL - 4, 1);
    // Not the old pages.
    pieces.slot(PUT, 1).must();
    zero(place(1), SLOT_PAGES);
    drop(pieces);
    mark(place(1), 2, SLOT_PAGES, 1);
    marked(place(0), 0, ALL, 1);
}

fn dummy_page_takes_the_place() {
    let pieces = full_slots();
    pieces.slot(DUMMY, 3).must();
    let addr = slot_at(place(1), 3);
    zero(addr, SLOT_PAGES);
    set_word(addr, 7);
    assert_eq!(word(addr + page()), 7);
    marked(place(1), 0, ALL - SLOT_PAGES, 1);
    pieces.slot(PUT, 3).must();
    zero(addr, SLOT_PAGES);
}

fn slots_that_there_are_not() {
    let pieces = full_slots();
    for slot in [SLOTS, SLOTS + 1, 1 << 32, usize::MAX] {
        for call in [PUT, DUMMY, TAKE] {
            pieces.slot(call, slot).must_fail(EINVAL);
        }
    }
    marked(place(1), 0, ALL, 1);
}

fn slots_are_not_protected() {
    let pieces = full_slots();
    for prot in [PROT_NONE, PROT_READ, RW] {
        for (first, pages) in [(0, ALL), (0, 1), (1, 2), (ALL - 1, 1)] {
            memory::protect(place(1) + first * page(), pages * page(), prot).must_fail(EACCES);
        }
    }
    marked(place(1), 0, ALL, 1);
    mark(place(1), 0, ALL, 2);
    assert_eq!(pieces.stats().vmas(), 1);
}

fn slots_of_children_and_moved_mappings() {
    let pieces = full_slots();
    relocate(place(1) + 2 * page(), place(2), 2 * page());
    in_child(|| {
        marked(place(1), 0, 2, 1);
        pieces.slot(TAKE, 0).must();
        pieces.slot(DUMMY, 1).must();
        nothing_at(place(1));
        zero(place(2), SLOT_PAGES);
        set_word(place(2), 5);
    });
    nothing_at(place(1));
    assert_eq!(word(place(2) + page()), 5);
    marked(slot_at(place(1), 2), 4, ALL - 4, 1);
    unmap(place(2), page());
    assert_eq!(pieces.stats().vmas(), 3);
}

fn debuggers_see_slots() {
    let pieces = full_slots();
    let memory = own_memory();
    let mut bytes = vec![1; ALL * page()];
    memory.read_exact_at(&mut bytes, place(1) as u64).must();
    holds(place(1), &bytes);
    pieces.slot(DUMMY, 1).must();
    let addr = slot_at(place(1), 1);
    memory
        .write_all_at(&[9; 16], (addr + page() - 8) as u64)
        .must();
    assert_eq!(word(addr), u64::from_ne_bytes([9; 8]));
    assert_eq!(word(addr), word(addr + page() - 8));
    pieces.slot(TAKE, 2).must();
    let at = slot_at(place(1), 2) - 8;
    assert_eq!(memory.read_at(&mut [0; 16], at as u64).must(), 8);
}

/// Threads store to slots that are replaced. What they store never shows in another slot's pages,
/// nor in new ones.
fn slots_are_replaced_under_load() {
    let pieces = full_slots();
    let bytes = sys::memfd(c"bytes").must();
    let source = sys::memfd(c"source").must();
    source.write_all_at(&5_u64.to_ne_bytes(), 0).must();
    let work = |thread: usize| {
        let addr = slot_at(place(1), thread % 2) + 64;
        // As `copy()`, by the kernel.
        let _ = sys::read_to(&source, addr, 8);
        copy(&bytes, addr, 8).unless(&[EFAULT]);
    };
    race(4, work, |round| {
        let slot = round as usize % 2;
        pieces.slot(TAKE, slot).must();
        copy(&bytes, slot_at(place(1), slot), 8).must_fail(EFAULT);
        pieces
            .slot(if round % 3 == 0 { DUMMY } else { PUT }, slot)
            .must();
        assert_eq!(word(slot_at(place(1), slot)), 0);
    });
    marked(slot_at(place(1), 2), 4, ALL - 4, 1);
}

fn mapping_of_slots_comes_and_goes() {
    let pieces = full_slots();
    let work = |thread: usize| {
        let (at, to) = (place(2 + thread), place(8 + thread));
        pieces.map_slots(at, 0, ALL).must();
        assert_eq!(word(at), 1 << 32);
        relocate(at, to, SLOT_PAGES * page());
        assert_eq!(word(to), 1 << 32);
        unmap(to, SLOT_PAGES * page());
        unmap(slot_at(at, 1), (ALL - SLOT_PAGES) * page());
    };
    race(3, work, |_| {
        pieces.slot(PUT, 1).must();
        zero(slot_at(place(1), 1), SLOT_PAGES);
    });
    assert_eq!(pieces.stats().vmas(), 1);
}
