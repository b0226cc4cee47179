// SPDX-License-Identifier: GPL-2.0

//! VMAs of a buffer that are split, moved, enlarged, protected and mapped over. The driver's count
//! of VMAs must be that of `/proc/self/maps`, whatever the kernel makes of them.

use super::*;

suite! {
    "buffer":
    munmap_removes_start_middle_and_end, mremap_moves_and_keeps_contents, mremap_moves_a_part,
    mremap_enlarges_and_sigbus_beyond_the_end, mremap_enlarges_moves_and_shrinks,
    mremap_dontunmap_keeps_the_old_mapping, mremap_of_old_size_0_adds_a_mapping,
    mprotect_read_only_and_back, mprotect_of_the_middle_splits, mprotect_to_no_access_and_back,
    maps_adjacent_ranges, map_fixed_replaces_the_middle, map_fixed_replaces_itself,
    makes_many_vmas,
}

fn munmap_removes_start_middle_and_end() {
    let buffer = Buffer::of_pages(8);
    let (at, page) = (place(0), page());
    buffer.has_vmas(0);
    buffer.map(at, 0, 8).must();
    buffer.has_vmas(1);
    mark(at, 0, 8, 1);
    unmap(at, page);
    buffer.has_vmas(1);
    unmap(at + 7 * page, page);
    buffer.has_vmas(1);
    unmap(at + 3 * page, 2 * page);
    buffer.has_vmas(2);
    marked(at + page, 1, 2, 1);
    marked(at + 5 * page, 5, 2, 1);
    for gone in [0, 3, 4, 7] {
        dies(SIGSEGV, || touch(at + gone * page));
    }
    unmap(at, 8 * page);
    buffer.has_vmas(0);
}

fn mremap_moves_and_keeps_contents() {
    let buffer = mapped_buffer(4);
    let (from, to, len) = (place(0), place(1), 4 * page());
    mark(from, 0, 2, 1);
    relocate(from, to, len);
    buffer.has_vmas(1);
    marked(to, 0, 2, 1);
    zero(to + 2 * page(), 2);
    dies(SIGSEGV, || touch(from));
    mark(to, 0, 4, 2);
    relocate(to, from, len);
    buffer.has_vmas(1);
    marked(from, 0, 4, 2);
    unmap(from, len);
    buffer.has_vmas(0);
}

fn mremap_moves_a_part() {
    let buffer = marked_buffer(8);
    let (from, to, page) = (place(0), place(1), page());
    relocate(from + 2 * page, to, 3 * page);
    buffer.has_vmas(3);
    marked(from, 0, 2, 1);
    marked(to, 2, 3, 1);
    marked(from + 5 * page, 5, 3, 1);
    relocate(to, from + 2 * page, 3 * page);
    buffer.vmas_fit();
    marked(from, 0, 8, 1);
}

fn mremap_enlarges_and_sigbus_beyond_the_end() {
    let buffer = Buffer::of_pages(4);
    let (at, page) = (place(0), page());
    buffer.map(place(1), 0, 2).must();
    // The kernel enlarges a mapping with VM_MIXEDMAP only where it moves it.
    let in_place = memory::resize(place(1), 2 * page, 7 * page);
    in_place.must_fail(ENOMEM);
    let moved = memory::relocate(place(1), 2 * page, at, 7 * page, 0);
    moved.must();
    buffer.has_vmas(1);
    mark(at, 0, 4, 1);
    marked(at, 0, 4, 1);
    for beyond in [4, 5, 6] {
        dies(SIGBUS, || touch(at + beyond * page));
        dies(SIGBUS, || set_word(at + beyond * page, 1));
    }
    let file = sys::memfd(c"copy").must();
    let copied = copy(&file, at, 7 * page).must();
    assert!(
        copied <= 4 * page,
        "{copied} bytes were copied of {}",
        4 * page
    );
    marked(at, 0, 4, 1);
    memory::resize(at, 7 * page, page).must();
    buffer.has_vmas(1);
    marked(at, 0, 1, 1);
    dies(SIGSEGV, || touch(at + page));
}

fn mremap_enlarges_moves_and_shrinks() {
    let buffer = Buffer::of_pages(8);
    let (from, to, page) = (place(0), place(1), page());
    buffer.map(from, 0, 2).must();
    mark(from, 0, 2, 1);
    memory::relocate(from, 2 * page, to, 8 * page, 0).must();
    buffer.has_vmas(1);
    marked(to, 0, 2, 1);
    zero(to + 2 * page, 6);
    memory::relocate(to, 8 * page, from, page, 0).must();
    buffer.has_vmas(1);
    marked(from, 0, 1, 1);
    dies(SIGSEGV, || touch(from + page));
}

fn mremap_dontunmap_keeps_the_old_mapping() {
    let buffer = marked_buffer(4);
    let (from, to, len) = (place(0), place(1), 4 * page());
    memory::relocate(from, len, to, len, MREMAP_DONTUNMAP).must();
    buffer.has_vmas(2);
    marked(to, 0, 4, 1);
    marked(from, 0, 4, 1);
    mark(to, 0, 4, 2);
    marked(from, 0, 4, 2);
}

fn mremap_of_old_size_0_adds_a_mapping() {
    let buffer = marked_buffer(4);
    let (from, to, len) = (place(0), place(1), 4 * page());
    memory::relocate(from, 0, to, len, 0).must();
    buffer.has_vmas(2);
    marked(to, 0, 4, 1);
    mark(to, 0, 4, 2);
    marked(from, 0, 4, 2);
}

fn mprotect_read_only_and_back() {
    let buffer = mapped_buffer(2);
    let (at, len) = (place(0), 2 * page());
    // The second page comes in by a fault when it is read-only already.
    mark(at, 0, 1, 1);
    protect(at, len, PROT_READ);
    assert_eq!(word(at), 1 << 32);
    assert_eq!(word(at + page()), 0);
    for addr in [at, at + page()] {
        dies(SIGSEGV, || set_word(addr, 1));
    }
    protect(at, len, RW);
    mark(at, 0, 2, 2);
    marked(at, 0, 2, 2);
    buffer.has_vmas(1);
}

fn mprotect_of_the_middle_splits() {
    let buffer = marked_buffer(8);
    let (at, page) = (place(0), page());
    protect(at + 3 * page, 2 * page, PROT_READ);
    buffer.has_vmas(3);
    marked(at, 0, 8, 1);
    for read_only in [3, 4] {
        dies(SIGSEGV, || set_word(at + read_only * page, 1));
    }
    mark(at, 0, 3, 2);
    mark(at + 5 * page, 5, 3, 2);
    protect(at + 3 * page, 2 * page, RW);
    buffer.vmas_fit();
    mark(at + 3 * page, 3, 2, 2);
    marked(at, 0, 8, 2);
    unmap(at, 8 * page);
    buffer.has_vmas(0);
}

fn mprotect_to_no_access_and_back() {
    let buffer = marked_buffer(2);
    let (at, len) = (place(0), 2 * page());
    protect(at, len, PROT_NONE);
    dies(SIGSEGV, || touch(at));
    protect(at, len, PROT_READ);
    marked(at, 0, 2, 1);
    buffer.has_vmas(1);
}

fn maps_adjacent_ranges() {
    let buffer = Buffer::of_pages(8);
    let (at, page) = (place(0), page());
    // After it, before it, and in between.
    for (first, pages) in [(2, 2), (4, 1), (0, 2), (6, 2), (5, 1)] {
        let addr = at + first * page;
        buffer.map(addr, first as u64, pages).must();
        buffer.vmas_fit();
    }
    zero(at, 8);
    mark(at, 0, 8, 1);
    marked(at, 0, 8, 1);
    unmap(at + page, 2 * page);
    buffer.vmas_fit();
    marked(at + 3 * page, 3, 5, 1);
    unmap(at, 8 * page);
    buffer.has_vmas(0);
}

fn map_fixed_replaces_the_middle() {
    let buffer = marked_buffer(8);
    let (at, page) = (place(0), page());
    map_anonymous(at + 2 * page, 3 * page);
    buffer.has_vmas(2);
    zero(at + 2 * page, 3);
    mark(at + 2 * page, 2, 3, 9);
    marked(at, 0, 2, 1);
    marked(at + 5 * page, 5, 3, 1);
    buffer.map(place(1), 0, 8).must();
    marked(place(1), 0, 8, 1);
}

fn map_fixed_replaces_itself() {
    let buffer = marked_buffer(8);
    let (at, page) = (place(0), page());
    buffer.map(at, 0, 8).must();
    buffer.has_vmas(1);
    marked(at, 0, 8, 1);
    buffer.map(at + 2 * page, 6, 2).must();
    buffer.vmas_fit();
    marked(at, 0, 2, 1);
    marked(at + 2 * page, 6, 2, 1);
    marked(at + 4 * page, 4, 4, 1);
}

fn makes_many_vmas() {
    let buffer = marked_buffer(64);
    let (at, page) = (place(0), page());
    for odd in (1..64).step_by(2) {
        unmap(at + odd * page, page);
    }
    buffer.has_vmas(32);
    for even in (0..64).step_by(2) {
        marked(at + even * page, even as u64, 1, 1);
    }
    unmap(at, 64 * page);
    buffer.has_vmas(0);
}
