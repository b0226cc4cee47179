// SPDX-License-Identifier: GPL-2.0

//! VMAs of pfn memory that are split, moved and protected.

use super::*;
use vma_guest::device::pfn::NODE;

suite! {
    "pfn":
    munmap_removes_start_middle_and_end, mremap_moves_and_keeps_contents,
    mremap_moves_a_part_of_each, mremap_does_not_enlarge, mremap_shrinks,
    mremap_dontunmap_is_einval, mprotect_read_only_and_back, mprotect_of_the_middle_splits,
    mprotect_of_status_to_no_access_and_back, map_fixed_replaces_the_middle,
    madv_dontneed_is_einval, madv_dontfork_leaves_the_child_none, exit_drops_mappings,
}

fn munmap_removes_start_middle_and_end() {
    let pfn = Pfn::open();
    let (data, status, page) = (place(0), place(1), page());
    pfn.map_data(data, 0, 8).must();
    pfn.map_status(status, 0, 8).must();
    pfn.vmas_fit();
    mark(data, 0, 4, 1);
    for at in [data, status] {
        unmap(at, page);
        pfn.vmas_fit();
        unmap(at + 7 * page, page);
        pfn.vmas_fit();
        unmap(at + 3 * page, 2 * page);
        pfn.vmas_fit();
        for gone in [0, 3, 4, 7] {
            dies(SIGSEGV, || touch(at + gone * page));
        }
    }
    pfn.has_vmas(4);
    marked(data + page, 1, 2, 1);
    pattern(data + 5 * page, DATA + 5, 2);
    pattern(status + page, 1, 2);
    pattern(status + 5 * page, 5, 2);
}

fn mremap_moves_and_keeps_contents() {
    let pfn = mapped_pfn(DATA_PAGES, STATUS_PAGES);
    let page = page();
    mark(place(0), 0, 8, 1);
    let (data_len, status_len) = (DATA_PAGES * page, STATUS_PAGES * page);
    relocate(place(0), place(2), data_len);
    relocate(place(1), place(3), status_len);
    pfn.has_vmas(2);
    marked(place(2), 0, 8, 1);
    pattern(place(2) + 8 * page, DATA + 8, DATA_PAGES - 8);
    pattern(place(3), 0, STATUS_PAGES);
    for gone in [place(0), place(1)] {
        dies(SIGSEGV, || touch(gone));
    }
    pfn.revoke().must();
    marked(place(2), 0, 8, 1);
    pattern(place(3), 0, STATUS_PAGES);
}

fn mremap_moves_a_part_of_each() {
    let pfn = mapped_pfn(8, 8);
    let page = page();
    mark(place(0), 0, 8, 1);
    for (from, to) in [(place(0), place(2)), (place(1), place(3))] {
        let from = from + 3 * page;
        relocate(from, to, 2 * page);
        pfn.vmas_fit();
    }
    pfn.has_vmas(6);
    marked(place(0), 0, 3, 1);
    marked(place(2), 3, 2, 1);
    marked(place(0) + 5 * page, 5, 3, 1);
    pattern(place(1), 0, 3);
    pattern(place(3), 3, 2);
    pattern(place(1) + 5 * page, 5, 3);
    pfn.revoke().must();
    marked(place(2), 3, 2, 1);
    pattern(place(3), 3, 2);
}

fn mremap_does_not_enlarge() {
    let _pfn = mapped_pfn(4, 4);
    let page = page();
    for at in [place(0), place(1)] {
        let there = place(2);
        memory::resize(at, 4 * page, 5 * page).must_fail(EFAULT);
        memory::relocate(at, 4 * page, there, 5 * page, 0).must_fail(EFAULT);
    }
    pattern(place(0), DATA, 4);
    pattern(place(1), 0, 4);
}

fn mremap_shrinks() {
    let pfn = mapped_pfn(4, 4);
    let page = page();
    for at in [place(0), place(1)] {
        memory::resize(at, 4 * page, 2 * page).must();
        dies(SIGSEGV, || touch(at + 2 * page));
    }
    pfn.vmas_fit();
    pattern(place(0), DATA, 2);
    pattern(place(1), 0, 2);
}

fn mremap_dontunmap_is_einval() {
    let _pfn = mapped_pfn(4, 4);
    let len = 4 * page();
    for at in [place(0), place(1)] {
        let moved = memory::relocate(at, len, place(2), len, MREMAP_DONTUNMAP);
        moved.must_fail(EINVAL);
    }
}

fn mprotect_read_only_and_back() {
    let pfn = Pfn::open();
    let len = 4 * page();
    pfn.map_data(place(0), 0, 4).must();
    mark(place(0), 0, 2, 1);
    protect(place(0), len, PROT_READ);
    marked(place(0), 0, 2, 1);
    pattern(place(0) + 2 * page(), DATA + 2, 2);
    for number in 0..4 {
        dies(SIGSEGV, || set_word(place(0) + number * page(), 1));
    }
    protect(place(0), len, RW);
    mark(place(0), 0, 4, 2);
    marked(place(0), 0, 4, 2);
}

fn mprotect_of_the_middle_splits() {
    let pfn = Pfn::open();
    let (at, page) = (place(0), page());
    pfn.map_data(at, 0, 8).must();
    mark(at, 0, 8, 1);
    protect(at + 3 * page, 2 * page, PROT_READ);
    pfn.has_vmas(3);
    dies(SIGSEGV, || set_word(at + 4 * page, 1));
    mark(at, 0, 3, 2);
    mark(at + 5 * page, 5, 3, 2);
    marked(at + 3 * page, 3, 2, 1);
    pfn.revoke().must();
    dies(SIGSEGV, || set_word(at + 4 * page, 1));
    marked(at, 0, 3, 2);
    marked(at + 3 * page, 3, 2, 1);
    protect(at + 3 * page, 2 * page, RW);
    pfn.vmas_fit();
    mark(at, 0, 8, 3);
    marked(at, 0, 8, 3);
}

fn mprotect_of_status_to_no_access_and_back() {
    let pfn = Pfn::open();
    let len = STATUS_PAGES * page();
    pfn.map_status(place(0), 0, STATUS_PAGES).must();
    protect(place(0), len, PROT_NONE);
    dies(SIGSEGV, || touch(place(0)));
    memory::protect(place(0), len, RW).must_fail(EACCES);
    protect(place(0), len, PROT_READ);
    pattern(place(0), 0, STATUS_PAGES);
    dies(SIGSEGV, || set_word(place(0), 1));
}

fn map_fixed_replaces_the_middle() {
    let pfn = mapped_pfn(8, 8);
    let page = page();
    mark(place(0), 0, 8, 1);
    for at in [place(0), place(1)] {
        let middle = at + 2 * page;
        map_anonymous(middle, 3 * page);
        pfn.vmas_fit();
        zero(middle, 3);
        pfn.revoke().must();
        mark(middle, 2, 3, 9);
        pfn.revoke().must();
        marked(middle, 2, 3, 9);
    }
    marked(place(0), 0, 2, 1);
    marked(place(0) + 5 * page, 5, 3, 1);
    pattern(place(1), 0, 2);
    pattern(place(1) + 5 * page, 5, 3);
}

fn madv_dontneed_is_einval() {
    let pfn = Pfn::open();
    let len = 4 * page();
    pfn.map_data(place(0), 0, 4).must();
    mark(place(0), 0, 4, 1);
    memory::advise(place(0), len, MADV_DONTNEED).must_fail(EINVAL);
    marked(place(0), 0, 4, 1);
}

fn madv_dontfork_leaves_the_child_none() {
    let pfn = mapped_pfn(4, 4);
    mark(place(0), 0, 4, 1);
    advise(place(0), 4 * page(), MADV_DONTFORK);
    let before = pfn.stats();
    in_child(|| {
        assert_eq!(vmas_of(&NODE), 1);
        assert_eq!(pfn.stats().made - before.made, 1);
        pattern(place(1), 0, 4);
    });
    dies(SIGSEGV, || touch(place(0)));
    marked(place(0), 0, 4, 1);
}

fn exit_drops_mappings() {
    let pfn = Pfn::open();
    let before = pfn.stats();
    in_child(|| {
        let own = mapped_pfn(8, 8);
        unmap(place(0) + 2 * page(), page());
        mark(place(0), 0, 2, 1);
        // The file stays open, too, until the end.
        std::mem::forget(own);
    });
    let after = pfn.stats();
    let made = after.made - before.made;
    assert!(made >= 3, "{made} VMAs made, although there were 3 at once");
    assert_eq!(after.dropped - before.dropped, made);
    assert_eq!(after.pieces, before.pieces);
    assert_eq!(after.pages, before.pages);
}
