// SPDX-License-Identifier: GPL-2.0

//! Buffers, while each allocation of each call fails once.

use super::*;
use vma_guest::device::buffer::{NODE, SET_SIZE};
use vma_guest::device::userptr;

failing_suite! {
    "failing allocations":
    open_size_and_mmap_of_a_buffer, fault_of_a_buffer, ioctl_of_a_buffer,
    pread_and_pwrite_of_a_buffer, split_of_a_buffer, mremap_of_a_buffer, other_access_to_a_buffer,
}

const PAGES: usize = 8;

#[track_caller]
fn mapped() -> Buffer {
    mapped_buffer(PAGES)
}

#[track_caller]
fn marked_pages() -> Buffer {
    let buffer = mapped();
    mark(place(0), 0, PAGES, 1);
    buffer
}

fn open_size_and_mmap_of_a_buffer(each: &EachAllocation) {
    each.open(&NODE);
    each.of(
        Call::whole("SET_SIZE", &[ENOMEM]),
        || Buffer::open().must(),
        |buffer| buffer.request(SET_SIZE, [200, 0, 0, 0]),
        |buffer, _| buffer.vmas_fit(),
    );
    each.of(
        Call::whole("mmap", &[ENOMEM]),
        || Buffer::of_pages(PAGES),
        |buffer| buffer.map(place(0), 0, PAGES),
        |buffer, mapped| {
            buffer.vmas_fit();
            if mapped.is_some() {
                mark(place(0), 0, PAGES, 1);
            }
        },
    );
}

fn fault_of_a_buffer(each: &EachAllocation) {
    // A fault of user space for which there is no memory is tried again.
    each.of(
        Call::in_part("a fault", &[]),
        mapped,
        |_| {
            set_word(place(0), 7);
            Ok(())
        },
        |_, _| assert_eq!(word(place(0)), 7),
    );
    let zero = File::open("/dev/zero").must();
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
            unmap(place(0), PAGES * page());
            buffer.map(place(0), 0, PAGES).must();
            buffer
        },
        |_| {
            word(place(0) + page());
            Ok(())
        },
        |_, _| marked(place(0), 0, PAGES, 1),
    );
}

fn ioctl_of_a_buffer(each: &EachAllocation) {
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
        |_, reclaimed| assert_eq!(reclaimed, Some(PAGES as u64)),
    );
}

fn pread_and_pwrite_of_a_buffer(each: &EachAllocation) {
    let bytes = some_bytes(page());
    each.of(
        Call::in_part("pwrite", &[ENOMEM]),
        || Buffer::of_pages(PAGES),
        |buffer| buffer.file.write_at(&bytes, 5),
        |buffer, _| buffer.file.write_all_at(&bytes, 5).must(),
    );
    each.of(
        Call::in_part("pread", &[ENOMEM]),
        || {
            let buffer = Buffer::of_pages(PAGES);
            buffer.file.write_all_at(&bytes, 0).must();
            buffer
        },
        |buffer| {
            let mut got = [0; 64];
            let len = buffer.file.read_at(&mut got, 0)?;
            Ok((got, len))
        },
        |_, got| {
            if let Some((got, len)) = got {
                assert_eq!(len, 64);
                assert_eq!(&got[..], &bytes[..64]);
            }
        },
    );
}

fn split_of_a_buffer(each: &EachAllocation) {
    let (middle, len) = (place(0) + 2 * page(), 2 * page());
    each.of(
        Call::in_part("mprotect of the middle", &[ENOMEM]),
        marked_pages,
        |_| memory::protect(middle, len, PROT_READ),
        |buffer, _| {
            buffer.vmas_fit();
            marked(place(0), 0, PAGES, 1);
        },
    );
    each.of(
        Call::in_part("munmap of the middle", &[ENOMEM]),
        marked_pages,
        |_| memory::unmap(middle, len),
        |buffer, unmapped| {
            buffer.vmas_fit();
            marked(place(0), 0, 2, 1);
            marked(middle + len, 4, PAGES - 4, 1);
            if unmapped.is_none() {
                marked(middle, 2, 2, 1);
            }
        },
    );
}

fn mremap_of_a_buffer(each: &EachAllocation) {
    for (what, first, pages) in [("all", 0, PAGES), ("a part", 2, 3)] {
        let (from, len) = (place(0) + first * page(), pages * page());
        each.of(
            Call::in_part(&format!("mremap of {what}"), &[ENOMEM]),
            marked_pages,
            |_| memory::relocate(from, len, place(1), len, 0),
            |buffer, moved| {
                buffer.vmas_fit();
                let at = if moved.is_some() { place(1) } else { from };
                marked(at, first as u64, pages, 1);
                // The driver has been told of the new place, or of none.
                buffer.populate(first as u64, pages as u64).must();
            },
        );
    }
}

fn other_access_to_a_buffer(each: &EachAllocation) {
    let own = File::open("/proc/self/mem").must();
    each.of(
        Call::in_part("/proc/self/mem", &[ENOMEM, EIO]),
        mapped,
        |_| {
            let mut word = [1; 8];
            let len = own.read_at(&mut word, place(0) as u64)?;
            Ok(word[..len] == [0; 8])
        },
        |_, is_zero| assert!(is_zero.unwrap_or(true)),
    );
    each.of(
        Call::in_part("process_vm_readv", &[ENOMEM, EFAULT]),
        mapped,
        |_| {
            let mut word = [1; 8];
            let len = process::read_own_memory(place(0), &mut word)?;
            Ok(word[..len] == [0; 8])
        },
        |_, is_zero| assert!(is_zero.unwrap_or(true)),
    );
    for way in userptr::WAYS {
        each.of(
            Call::in_part(&format!("pins, {}", way.name), &[ENOMEM, EFAULT]),
            || (mapped(), Userptr::open()),
            |(_, userptr)| userptr.sum(place(0), PAGES * page(), way),
            |_, sum| assert_eq!(sum.unwrap_or(0), 0),
        );
    }
}
