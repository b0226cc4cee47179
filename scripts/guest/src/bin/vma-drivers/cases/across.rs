// SPDX-License-Identifier: GPL-2.0

//! Ranges of memory with VMAs of several devices in them.

use super::*;
use crate::abi::pfn::PAGES as PAGES_OF_PFN;
use vma_guest::device::{buffer, map};

suite! {
    "across":
    munmap_spans_two_devices, mremap_of_two_devices_does_not_enlarge,
    mremap_moves_two_devices_or_nothing, mremap_replaces_the_vma_of_another_device,
    mprotect_stops_at_the_vma_that_forbids_it, madvise_stops_at_the_vma_that_forbids_it,
    refuses_mappings_over_existing_ones, remap_file_pages_shows_other_pages,
    fork_and_exit_keep_vmas_of_two_devices, userptr_stops_between_buffer_and_pfn,
}

/// Four pages of each device beside each other: a buffer, pfn data, pfn status, anonymous memory.
struct Row {
    buffer: Buffer,
    pfn: Pfn,
}

const PAGES: usize = 4;

impl Row {
    #[track_caller]
    fn at(at: usize) -> Self {
        let (buffer, pfn) = (Buffer::of_pages(PAGES), Pfn::open());
        let len = PAGES * page();
        buffer.map(at, 0, PAGES).must();
        pfn.map_data(at + len, 0, PAGES).must();
        pfn.map_status(at + 2 * len, 0, PAGES).must();
        map_anonymous(at + 3 * len, len);
        mark(at, 0, PAGES, 1);
        mark(at + len, 0, PAGES, 2);
        mark(at + 3 * len, 0, PAGES, 3);
        Self { buffer, pfn }
    }

    /// All must be there.
    #[track_caller]
    fn is_at(at: usize) {
        let len = PAGES * page();
        marked(at, 0, PAGES, 1);
        marked(at + len, 0, PAGES, 2);
        pattern(at + 2 * len, 0, PAGES);
        marked(at + 3 * len, 0, PAGES, 3);
    }

    /// The drivers' counts of VMAs must be those of this process, which is the only user.
    #[track_caller]
    fn vmas_fit(&self) {
        self.buffer.vmas_fit();
        self.pfn.vmas_fit();
    }
}

fn munmap_spans_two_devices() {
    let (at, page) = (place(0), page());
    let row = Row::at(at);
    row.vmas_fit();
    unmap(at + 2 * page, 12 * page);
    row.vmas_fit();
    marked(at, 0, 2, 1);
    marked(at + 14 * page, 2, 2, 3);
    row.pfn.map_data(at + 4 * page, 0, PAGES).must();
    marked(at + 4 * page, 0, PAGES, 2);
    unmap(at, 16 * page);
    assert_eq!(vmas_of(&buffer::NODE), 0);
    row.vmas_fit();
}

fn mremap_of_two_devices_does_not_enlarge() {
    let (at, page) = (place(0), page());
    let row = Row::at(at);
    let to = place(1);
    memory::relocate(at, 8 * page, to, 9 * page, 0).must_fail(EFAULT);
    memory::relocate(at + 4 * page, 8 * page, to, 9 * page, 0).must_fail(EFAULT);
    memory::resize(at, 8 * page, 9 * page).must_fail(EFAULT);
    Row::is_at(at);
    row.vmas_fit();
}

fn mremap_moves_two_devices_or_nothing() {
    let (at, len) = (place(0), 4 * PAGES * page());
    let row = Row::at(at);
    let moved = memory::relocate(at, len, place(1), len, 0).unless(&[EFAULT]);
    Row::is_at(moved.map_or(at, |()| place(1)));
    row.vmas_fit();
}

fn mremap_replaces_the_vma_of_another_device() {
    let len = PAGES * page();
    let row = Row::at(place(0));
    let other = Row::at(place(1));
    relocate(place(0), place(1) + len, len);
    row.vmas_fit();
    marked(place(1) + len, 0, PAGES, 1);
    relocate(place(0) + len, place(1) + len, len);
    row.vmas_fit();
    marked(place(1) + len, 0, PAGES, 2);
    relocate(place(0) + 2 * len, place(1), len);
    row.vmas_fit();
    pattern(place(1), 0, PAGES);
    other.buffer.map(place(2), 0, PAGES).must();
    marked(place(2), 0, PAGES, 1);
}

fn mprotect_stops_at_the_vma_that_forbids_it() {
    let (at, page) = (place(0), page());
    let row = Row::at(at);
    // The VMAs up to the status part are changed, as it is with any memory.
    let all = memory::protect(at, 16 * page, RW);
    all.must_fail(EACCES);
    protect(at, 16 * page, PROT_READ);
    Row::is_at(at);
    row.vmas_fit();
}

fn madvise_stops_at_the_vma_that_forbids_it() {
    let (at, page) = (place(0), page());
    let row = Row::at(at);
    memory::advise(at, 16 * page, MADV_DONTNEED).must_fail(EINVAL);
    marked(at, 0, PAGES, 1);
    pattern(at + 8 * page, 0, PAGES);
    advise(at + 12 * page, 4 * page, MADV_DONTNEED);
    zero(at + 12 * page, 4);
    row.vmas_fit();
}

fn refuses_mappings_over_existing_ones() {
    let (at, page) = (place(0), page());
    let row = Row::at(at);
    let read = PROT_READ;
    for addr in (at..at + 16 * page).step_by(2 * page) {
        let pfn = &row.pfn.file;
        row.buffer.map(addr, 3, 2).must_fail(ENXIO);
        map(&row.buffer.file, addr, 0, 2, read, MAP_PRIVATE).must_fail(EINVAL);
        map_shared(&row.buffer.file, addr, 0, 2, PROT_EXEC).must_fail(EPERM);
        map_shared(pfn, addr, PAGES_OF_PFN, 1, read).must_fail(ENXIO);
        map_shared(pfn, addr, DATA - 1, 2, read).must_fail(EINVAL);
        map_shared(pfn, addr, 0, 2, PROT_WRITE).must_fail(EPERM);
        row.vmas_fit();
    }
    // The old mappings may be gone; those that are left must be right.
    for (number, whose) in [(0, 1), (4, 2), (12, 3)] {
        for number in number..number + 4 {
            if let Some(got) = first_word(at + number * page) {
                let wanted = whose << 32 | (number % 4) as u64;
                assert_eq!(got, wanted);
            }
        }
    }
    row.pfn.map_data(at, 0, PAGES).must();
    marked(at, 0, PAGES, 2);
    row.vmas_fit();
}

fn remap_file_pages_shows_other_pages() {
    let (at, page) = (place(0), page());
    let row = Row::at(at);
    let (data, status) = (at + 4 * page, at + 8 * page);
    let show = |addr, pages, first| memory::show_other_pages(addr, pages * page, first);
    show(at, 2, 2).must();
    marked(at, 2, 2, 1);
    show(status, 2, 6).must();
    pattern(status, 6, 2);
    show(data, 2, DATA as usize + 6).must();
    pattern(data, DATA + 6, 2);
    row.vmas_fit();

    // Each at another place: nothing may be left where one was refused.
    show(at + 2 * page, 2, 3).must_fail(ENXIO);
    show(at, 2, 1 << 40).must_fail(ENXIO);
    row.vmas_fit();
    show(status + 2 * page, 2, DATA as usize - 1).must_fail(EINVAL);
    show(data + 2 * page, 1, 0).must_fail(EPERM);
    show(data + 3 * page, 1, PAGES_OF_PFN as usize).must_fail(ENXIO);
    row.vmas_fit();
}

fn fork_and_exit_keep_vmas_of_two_devices() {
    let row = Row::at(place(0));
    let before = (row.buffer.stats(), row.pfn.stats());
    for _ in 0..3 {
        in_child(|| Row::is_at(place(0)));
    }
    let after = (row.buffer.stats(), row.pfn.stats());
    assert_eq!(after.0.made - before.0.made, 3);
    assert_eq!(after.1.made - before.1.made, 6);
    in_child(|| {
        unmap(place(0) + 2 * page(), 8 * page());
    });
    row.vmas_fit();
    Row::is_at(place(0));
    let pages = DATA as usize;
    row.pfn.map_status(place(1), 0, pages).must();
    pattern(place(1), 0, pages);
}

fn userptr_stops_between_buffer_and_pfn() {
    let userptr = Userptr::open();
    let (at, page) = (place(0), page());
    let _row = Row::at(at);
    for way in WAYS {
        done(way.name, userptr.sum(at, 4 * page, way));
        done(way.name, userptr.sum(at + 12 * page, 4 * page, way));
        refused(way.name, EFAULT, userptr.sum(at, 4 * page + 1, way));
        refused(way.name, EFAULT, userptr.fill(at + 4 * page - 1, 2, 1, way));
        refused(way.name, EFAULT, userptr.sum(at + 12 * page - 1, 2, way));
    }
    userptr.sum(at, 16 * page, LOCKED).must_fail(EFAULT);
    userptr.register(at, 16 * page).must_fail(EFAULT);
    Row::is_at(at);
}
