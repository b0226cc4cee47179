// SPDX-License-Identifier: GPL-2.0

//! Buffers, while each allocation of each call fails once.

use super::{mark, marked, page, test};
use crate::check::{done, same, vmas_of};
use crate::device::buffer::{NODE, SET_SIZE};
use crate::device::{Buffer, Userptr, userptr};
use crate::each_allocation::{Call, EachAllocation};
use crate::transfer::some_bytes;
use libc::{EFAULT, EIO, ENOMEM, PROT_READ};
use std::fs::File;
use std::os::unix::fs::FileExt;
use vma_guest::runner::Test;
use vma_guest::sys;
use vma_guest::sys::memory::{self, place, set_word, word};
use vma_guest::sys::process;

pub const TESTS: &[Test] = &[
    test(
        "failing allocations: open, size and mmap of a buffer",
        begin,
    ),
    test("failing allocations: faults of a buffer", faults),
    test("failing allocations: ioctls of a buffer", ioctls),
    test(
        "failing allocations: pread and pwrite of a buffer",
        read_and_write,
    ),
    test("failing allocations: splits of a buffer's VMA", splits),
    test("failing allocations: mremap of a buffer", moves),
    test(
        "failing allocations: access to a buffer of another kind",
        access,
    ),
];

const PAGES: usize = 8;

#[track_caller]
fn mapped() -> Buffer {
    let buffer = Buffer::of_pages(PAGES);
    done("map", buffer.map(place(0), 0, PAGES));
    buffer
}

#[track_caller]
fn marked_pages() -> Buffer {
    let buffer = mapped();
    mark(place(0), 0, PAGES, 1);
    buffer
}

/// The driver must have as many VMAs as this process, which alone maps buffers.
#[track_caller]
fn vmas_fit(buffer: &Buffer) {
    let stats = done("counters", buffer.stats());
    same("VMAs", stats.vmas(), vmas_of(&NODE) as i64);
}

fn begin() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    each.open(&NODE);
    each.of(
        Call::whole("SET_SIZE", &[ENOMEM]),
        || done("open", Buffer::open()),
        |buffer| buffer.request(SET_SIZE, [200, 0, 0, 0]),
        |buffer, _| vmas_fit(buffer),
    );
    each.of(
        Call::whole("mmap", &[ENOMEM]),
        || Buffer::of_pages(PAGES),
        |buffer| buffer.map(place(0), 0, PAGES),
        |buffer, mapped| {
            vmas_fit(buffer);
            if mapped.is_some() {
                mark(place(0), 0, PAGES, 1);
            }
        },
    );
}

fn faults() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    // A fault of user space for which there is no memory is tried again.
    each.of(
        Call::in_part("a fault", &[]),
        mapped,
        |_| {
            set_word(place(0), 7);
            Ok(())
        },
        |_, _| same("the word", word(place(0)), 7),
    );
    let zero = done("/dev/zero", File::open("/dev/zero"));
    each.of(
        Call::in_part("a fault of the kernel", &[EFAULT]),
        mapped,
        |_| sys::read_to(&zero, place(0) + page(), 8),
        |_, _| mark(place(0), 0, PAGES, 1),
    );
    // The pages are there already, but not those beside it in the page table.
    each.of(
        Call::in_part("a fault around", &[]),
        || {
            let buffer = marked_pages();
            done("unmap", memory::unmap(place(0), PAGES * page()));
            done("map", buffer.map(place(0), 0, PAGES));
            buffer
        },
        |_| {
            word(place(0) + page());
            Ok(())
        },
        |_, _| marked("the buffer", place(0), 0, PAGES, 1),
    );
}

fn ioctls() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    each.of(
        Call::in_part("POPULATE", &[ENOMEM]),
        mapped,
        |buffer| buffer.populate(0, PAGES as u64),
        |_, _| mark(place(0), 0, PAGES, 1),
    );
    // A driver takes pages back because there is no memory.
    each.none_of(
        "DISCARD and RECLAIM",
        marked_pages,
        |buffer| {
            buffer.discard(0, PAGES as u64)?;
            buffer.reclaim(PAGES as u64)
        },
        |_, reclaimed| same("pages reclaimed", reclaimed, Some(PAGES as u64)),
    );
}

fn read_and_write() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    let bytes = some_bytes(page());
    each.of(
        Call::in_part("pwrite", &[ENOMEM]),
        || Buffer::of_pages(PAGES),
        |buffer| buffer.file.write_at(&bytes, 5),
        |buffer, _| done("pwrite", buffer.file.write_all_at(&bytes, 5)),
    );
    each.of(
        Call::in_part("pread", &[ENOMEM]),
        || {
            let buffer = Buffer::of_pages(PAGES);
            done("pwrite", buffer.file.write_all_at(&bytes, 0));
            buffer
        },
        |buffer| {
            let mut got = [0; 64];
            let len = buffer.file.read_at(&mut got, 0)?;
            Ok((got, len))
        },
        |_, got| {
            if let Some((got, len)) = got {
                same("how much was read", len, 64);
                same("what was read", &got[..], &bytes[..64]);
            }
        },
    );
}

fn splits() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    let (middle, len) = (place(0) + 2 * page(), 2 * page());
    each.of(
        Call::in_part("mprotect of the middle", &[ENOMEM]),
        marked_pages,
        |_| memory::protect(middle, len, PROT_READ),
        |buffer, _| {
            vmas_fit(buffer);
            marked("the buffer", place(0), 0, PAGES, 1);
        },
    );
    each.of(
        Call::in_part("munmap of the middle", &[ENOMEM]),
        marked_pages,
        |_| memory::unmap(middle, len),
        |buffer, unmapped| {
            vmas_fit(buffer);
            marked("its start", place(0), 0, 2, 1);
            marked("its end", middle + len, 4, PAGES - 4, 1);
            if unmapped.is_none() {
                marked("its middle", middle, 2, 2, 1);
            }
        },
    );
}

fn moves() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    for (what, first, pages) in [("all", 0, PAGES), ("a part", 2, 3)] {
        let (from, len) = (place(0) + first * page(), pages * page());
        each.of(
            Call::in_part(&format!("mremap of {what}"), &[ENOMEM]),
            marked_pages,
            |_| memory::relocate(from, len, place(1), len, 0),
            |buffer, moved| {
                vmas_fit(buffer);
                let at = if moved.is_some() { place(1) } else { from };
                marked("the pages", at, first as u64, pages, 1);
                // The driver has been told of the new place, or of none.
                done("POPULATE", buffer.populate(first as u64, pages as u64));
            },
        );
    }
}

fn access() {
    let Some(each) = EachAllocation::new() else {
        return;
    };
    let own = done("/proc/self/mem", File::open("/proc/self/mem"));
    each.of(
        Call::in_part("/proc/self/mem", &[ENOMEM, EIO]),
        mapped,
        |_| {
            let mut word = [1; 8];
            let len = own.read_at(&mut word, place(0) as u64)?;
            Ok(word[..len] == [0; 8])
        },
        |_, is_zero| same("what was read is zero", is_zero.unwrap_or(true), true),
    );
    each.of(
        Call::in_part("process_vm_readv", &[ENOMEM, EFAULT]),
        mapped,
        |_| {
            let mut word = [1; 8];
            let len = process::read_own_memory(place(0), &mut word)?;
            Ok(word[..len] == [0; 8])
        },
        |_, is_zero| same("what was read is zero", is_zero.unwrap_or(true), true),
    );
    for way in userptr::WAYS {
        each.of(
            Call::in_part(&format!("pins, {}", way.name), &[ENOMEM, EFAULT]),
            || (mapped(), Userptr::open()),
            |(_, userptr)| userptr.sum(place(0), PAGES * page(), way),
            |_, sum| same("the sum", sum.unwrap_or(0), 0),
        );
    }
}
