// SPDX-License-Identifier: GPL-2.0

//! Memory of several pieces, while each allocation of each call fails once.

use super::memfds::{are_mapped, mapped_files, marked_files};
use super::pieces::{full_slots, marked_pieces};
use super::*;
use vma_guest::device::Pieces;
use vma_guest::sys::{SealFlags, memfd_that_stays, seal};
use vma_guest::device::pieces::{
    BUFFER_PAGES, DUMMY, DUMMY_PAGES, NODE, PUT, SLOT_PAGES, SLOTS, TAKE,
};

failing_suite! {
    "failing allocations":
    open_and_mmap_of_pieces, split_and_mremap_of_pieces, replacing_of_pieces, fault_of_pieces,
    pinning_of_files, mmap_of_files,
}

const BLOCK_PAGES: usize = BUFFER_PAGES - DUMMY_PAGES;
const ALL: usize = SLOTS * SLOT_PAGES;

/// As many VMAs must be counted as this process has of the buffer, which alone has some.
#[track_caller]
fn fits(pieces: &Pieces) {
    counts(pieces, vmas_of(&NODE) as i64);
}

/// There must be this many VMAs, and no regions but those of the file.
#[track_caller]
fn counts(pieces: &Pieces, vmas: i64) {
    let stats = pieces.stats();
    same("VMAs", stats.vmas(), vmas);
    same("regions", stats.regions, 2);
}

fn open_and_mmap_of_pieces(each: &EachAllocation) {
    each.open(&NODE);
    // Its pieces are mapped one after the other before mmap() is done.
    each.of(
        Call::whole("mmap of the buffer", &[ENOMEM]),
        Pieces::open,
        |pieces| pieces.map_buffer(place(0), 0, BUFFER_PAGES),
        |pieces, mapped| {
            fits(pieces);
            if mapped.is_some() {
                zero(place(0), BUFFER_PAGES);
            }
        },
    );
    each.of(
        Call::whole("mmap of the slots", &[ENOMEM]),
        Pieces::open,
        |pieces| pieces.map_slots(place(0), 0, ALL),
        |pieces, mapped| counts(pieces, i64::from(mapped.is_some())),
    );
}

fn split_and_mremap_of_pieces(each: &EachAllocation) {
    let (middle, len) = (place(0) + 4 * page(), 4 * page());
    each.of(
        Call::in_part("munmap of the middle of the buffer", &[ENOMEM]),
        marked_pieces,
        |_| memory::unmap(middle, len),
        |pieces, _| {
            fits(pieces);
            marked(place(0), 0, 4, 1);
            marked(middle + len, 8, BLOCK_PAGES - 8, 1);
        },
    );
    each.of(
        Call::in_part("mremap of the middle of the buffer", &[ENOMEM]),
        marked_pieces,
        |_| memory::relocate(middle, len, place(1), len, 0),
        |pieces, moved| {
            fits(pieces);
            let at = moved.map_or(middle, |()| place(1));
            marked(at, 4, 4, 1);
            marked(place(0), 0, 4, 1);
        },
    );
    each.of(
        Call::in_part("mremap of a slot", &[ENOMEM]),
        full_slots,
        |_| memory::relocate(place(1) + 2 * page(), 2 * page(), place(2), 2 * page(), 0),
        |pieces, moved| {
            let at = moved.map_or(place(1) + 2 * page(), |()| place(2));
            marked(at, 2, 2, 1);
            pieces.slot(TAKE, 1).must();
            let bytes = sys::memfd(c"bytes").must();
            copy(&bytes, at, 8).must_fail(EFAULT);
        },
    );
}

fn replacing_of_pieces(each: &EachAllocation) {
    for (what, call) in [("PUT", PUT), ("DUMMY", DUMMY)] {
        each.of(
            Call::whole(what, &[ENOMEM]),
            full_slots,
            |pieces| pieces.slot(call, 1),
            |_, replaced| {
                let at = place(1) + SLOT_PAGES * page();
                match replaced {
                    Some(()) => zero(at, SLOT_PAGES),
                    None => marked(at, 2, SLOT_PAGES, 1),
                }
                marked(place(1), 0, SLOT_PAGES, 1);
            },
        );
    }
    each.none_of(
        "TAKE",
        full_slots,
        |pieces| pieces.slot(TAKE, 1),
        |pieces, _| {
            marked(place(1), 0, SLOT_PAGES, 1);
            pieces.slot(PUT, 1).must();
            zero(place(1) + SLOT_PAGES * page(), SLOT_PAGES);
        },
    );
}

fn fault_of_pieces(each: &EachAllocation) {
    let zeros = File::open("/dev/zero").must();
    each.of(
        Call::in_part("a fault of the kernel in a slot", &[EFAULT]),
        || {
            let pieces = Pieces::open();
            pieces.slot(PUT, 0).must();
            pieces.map_slots(place(0), 0, ALL).must();
            pieces
        },
        |_| sys::read_to(&zeros, place(0), 8),
        |_, _| zero(place(0), SLOT_PAGES),
    );
}

fn pinning_of_files(each: &EachAllocation) {
    each.of(
        Call::whole("MEMFD", &[ENOMEM]),
        || (mapped_files(), marked_files::<2>()),
        |((pieces, _), files)| pieces.pin(&files.each_ref().map(|file| (file, 1, 3))),
        |((pieces, files), others), pinned| {
            same("regions", pieces.stats().regions, 3 + u64::from(pinned.is_some()));
            are_mapped([1, 2]);
            // The call has kept no pin if it failed.
            let sealed = seal(&others[1], SealFlags::WRITE);
            match pinned {
                Some(()) => sealed.must_fail(EBUSY),
                None => sealed.must(),
            }
            seal(&files[1], SealFlags::WRITE).must_fail(EBUSY);
        },
    );
    // Pages that the file has not yet are allocated.
    each.of(
        Call::in_part("MEMFD of a new file", &[ENOMEM]),
        || (Pieces::open(), memfd_that_stays(c"new", 4 * page()).must()),
        |(pieces, file)| pieces.pin(&[(file, 0, 4)]),
        |(pieces, file), pinned| {
            if pinned.is_some() {
                pieces.map_memfds(place(0), 0, 4).must();
                zero(place(0), 4);
                seal(file, SealFlags::WRITE).must_fail(EBUSY);
            } else {
                seal(file, SealFlags::WRITE).must();
            }
        },
    );
}

fn mmap_of_files(each: &EachAllocation) {
    each.of(
        Call::whole("mmap of memfds", &[ENOMEM]),
        mapped_files,
        |(pieces, _)| pieces.map_memfds(place(1), 0, 3),
        |(pieces, _), mapped| {
            same("VMAs", pieces.stats().vmas(), 1 + i64::from(mapped.is_some()));
            if mapped.is_some() {
                marked(place(1), 0, 3, 1);
            }
        },
    );
    let zeros = File::open("/dev/zero").must();
    each.of(
        Call::in_part("a fault of the kernel in a page of a memfd", &[EFAULT]),
        mapped_files,
        |_| sys::read_to(&zeros, place(0) + page() + 16, 8),
        |_, _| are_mapped([1, 2]),
    );
}
