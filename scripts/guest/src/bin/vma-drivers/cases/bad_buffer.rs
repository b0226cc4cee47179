// SPDX-License-Identifier: GPL-2.0

//! Requests that the buffer driver must refuse, or the kernel before it.

use super::*;
use crate::abi::buffer::{self as abi, IOC_TYPE, MAX_PAGES, Request};
use vma_guest::device::buffer::{DISCARD, NODE, POPULATE, RECLAIM, SET_SIZE};
use vma_guest::device::map;

suite! {
    "buffer, bad input":
    refuses_sizes, refuses_mappings_beyond_the_end, refuses_huge_and_empty_mappings,
    refuses_private_and_executable_mappings, refuses_more_than_the_open_mode,
    refuses_unaligned_addresses_and_offsets, refuses_pages_outside_the_buffer,
    refuses_nonzero_reserved_words, refuses_unknown_ioctls,
}

fn refuses_sizes() {
    let buffer = Buffer::open().must();
    for size in [
        0,
        MAX_PAGES + 1,
        1 << 32,
        1 << 52,
        (1 << 52) + 1,
        1 << 63,
        u64::MAX,
    ] {
        let what = format!("{size:#x} pages");
        refused(&what, EINVAL, buffer.request(SET_SIZE, [size, 0, 0, 0]));
    }
    buffer.map(place(0), 0, 1).must_fail(ENXIO);
    buffer.discard(0, 1).must_fail(EINVAL);
    buffer.request(SET_SIZE, [1, 0, 0, 0]).must();
    for size in [1, 2] {
        buffer.request(SET_SIZE, [size, 0, 0, 0]).must_fail(EBUSY);
    }
    buffer.map(place(0), 0, 1).must();
    zero(place(0), 1);
}

fn refuses_mappings_beyond_the_end() {
    let buffer = Buffer::of_pages(8);
    for (first, pages) in [
        (0, 9),
        (1, 8),
        (7, 2),
        (8, 1),
        (9, 1),
        (0, MAX_PAGES as usize),
        (MAX_PAGES, 1),
        (1 << 20, 8),
        (1 << 32, 1),
        ((1 << 32) + 1, 4),
        (1 << 50, 1),
    ] {
        let what = format!("{pages} pages from page {first:#x}");
        refused(&what, ENXIO, buffer.map(place(0), first, pages));
    }
    buffer.map(place(0), 7, 1).must();
    zero(place(0), 1);
    // The kernel maps whole pages.
    let of = Some((buffer.file.as_raw_fd(), 7 * page() as i64));
    memory::map(place(0), 1, RW, MAP_SHARED, of).must();
    zero(place(0), 1);
}

fn refuses_huge_and_empty_mappings() {
    let (page, last) = (page() as i64, i64::MAX - (page() as i64 - 1));
    refuses_lengths(
        &Buffer::of_pages(8).file,
        RW,
        &[
            (1 << 46, 0, ENXIO),
            ((1 << 46) - page as usize, page, ENXIO),
            // More than an address space of x86 or arm64, and what does not even fit into a word.
            (1 << 48, 0, ENOMEM),
            (usize::MAX, 0, ENOMEM),
            (0, 0, EINVAL),
            // At the largest offset.
            (1, last, ENXIO),
            (2 * page as usize, last, ENXIO),
            // The end has no offset.
            (2 * page as usize, -page, EOVERFLOW),
            (1 << 46, -page, EOVERFLOW),
        ],
    );
}

fn refuses_private_and_executable_mappings() {
    let buffer = Buffer::of_pages(4);
    let (at, len) = (place(0), 4 * page());
    for prot in [PROT_NONE, PROT_READ, RW] {
        let private = map(&buffer.file, at, 0, 4, prot, MAP_PRIVATE);
        private.must_fail(EINVAL);
    }
    for prot in [PROT_EXEC, PROT_READ | PROT_EXEC, RW | PROT_EXEC] {
        map_shared(&buffer.file, at, 0, 4, prot).must_fail(EPERM);
    }
    buffer.map(at, 0, 4).must();
    mark(at, 0, 4, 1);
    for prot in [PROT_EXEC, PROT_READ | PROT_EXEC, RW | PROT_EXEC] {
        memory::protect(at, len, prot).must_fail(EACCES);
        memory::protect(at + page(), page(), prot).must_fail(EACCES);
    }
    marked(at, 0, 4, 1);
}

fn refuses_more_than_the_open_mode() {
    let (at, len) = (place(0), 4 * page());
    let sized = |file: &File| {
        let mut request: Request = [4, 0, 0, 0];
        sys::ioctl_words(file, SET_SIZE, &mut request).must();
    };

    let file = NODE.open_as(File::options().read(true)).must();
    sized(&file);
    for prot in [PROT_WRITE, RW] {
        let mapped = map_shared(&file, at, 0, 4, prot);
        mapped.must_fail(EACCES);
    }
    map_shared(&file, at, 0, 4, PROT_READ).must();
    memory::protect(at, len, RW).must_fail(EACCES);
    zero(at, 4);

    let file = NODE.open_as(File::options().write(true)).must();
    sized(&file);
    for prot in [PROT_READ, PROT_WRITE, RW] {
        let mapped = map_shared(&file, at, 0, 4, prot);
        mapped.must_fail(EACCES);
    }
}

fn refuses_unaligned_addresses_and_offsets() {
    let buffer = Buffer::of_pages(8);
    let fd = buffer.file.as_raw_fd();
    let (at, page) = (place(0), page());
    buffer.map(at, 0, 8).must();
    mark(at, 0, 8, 1);
    let map = |addr, offset| memory::map(addr, page, RW, MAP_SHARED, Some((fd, offset)));
    for odd in [1, 8, 512, page / 2, page - 1] {
        map(place(1), odd as i64).must_fail(EINVAL);
        map(at + odd, 0).must_fail(EINVAL);
        memory::unmap(at + odd, page).must_fail(EINVAL);
        memory::protect(at + odd, page, PROT_READ).must_fail(EINVAL);
        memory::advise(at + odd, page, MADV_DONTNEED).must_fail(EINVAL);
        let moved = memory::relocate(at + odd, page, place(2), page, 0);
        moved.must_fail(EINVAL);
        let moved = memory::relocate(at, page, place(2) + odd, page, 0);
        moved.must_fail(EINVAL);
    }
    memory::unmap(at, 0).must_fail(EINVAL);
    marked(at, 0, 8, 1);
}

fn refuses_pages_outside_the_buffer() {
    let buffer = marked_buffer(8);
    for (first, pages) in [
        (0, 9),
        (8, 1),
        (7, 2),
        (9, 1),
        (1 << 32, 1),
        (0, 1 << 32),
        (1 << 52, 1),
        (1 << 63, 1),
        (0, u64::MAX),
        (1, u64::MAX),
        (7, u64::MAX - 6),
        (u64::MAX, 1),
        (u64::MAX, 2),
        (u64::MAX - 7, 8),
        (u64::MAX, u64::MAX),
    ] {
        let what = format!("{pages:#x} pages from page {first:#x}");
        refused(
            &format!("populate {what}"),
            EINVAL,
            buffer.populate(first, pages),
        );
        refused(
            &format!("discard {what}"),
            EINVAL,
            buffer.discard(first, pages),
        );
    }
    buffer.reclaim_patiently(u64::MAX).must_give(0);
    marked(place(0), 0, 8, 1);
}

fn refuses_nonzero_reserved_words() {
    let buffer = Buffer::open().must();
    let with = |request: Request, word: usize, value| {
        let mut request = request;
        request[word] = value;
        request
    };
    let bad = [1, 1 << 31, 1 << 32, 1 << 63, u64::MAX];
    for value in bad {
        for word in [1, 2, 3] {
            let request = with([4, 0, 0, 0], word, value);
            let what = format!("setting the size with word {word} {value:#x}");
            refused(&what, EINVAL, buffer.request(SET_SIZE, request));
        }
    }
    buffer.request(SET_SIZE, [4, 0, 0, 0]).must();
    buffer.map(place(0), 0, 4).must();
    mark(place(0), 0, 4, 1);
    for value in bad {
        for word in [2, 3] {
            for (what, number) in [("populate", POPULATE), ("discard", DISCARD)] {
                let what = format!("{what} with word {word} {value:#x}");
                refused(
                    &what,
                    EINVAL,
                    buffer.request(number, with([0, 1, 0, 0], word, value)),
                );
            }
        }
        for word in [1, 2, 3] {
            let what = format!("reclaim with word {word} {value:#x}");
            refused(
                &what,
                EINVAL,
                buffer.request(RECLAIM, with([1, 0, 0, 0], word, value)),
            );
        }
    }
    buffer.reclaim_patiently(100).must_give(0);
    marked(place(0), 0, 4, 1);
}

fn refuses_unknown_ioctls() {
    let buffer = Buffer::of_pages(1);
    let mut add = |what: &str, number: u32| {
        refused(what, ENOTTY, buffer.request(number, [1, 0, 0, 0]));
    };
    wrong_ioctls::<Request, [u64; 4], [u64; 3]>(
        IOC_TYPE,
        abi::SET_SIZE_NR,
        abi::STATS_NR,
        &mut add,
    );
    add("a terminal's ioctl", TCGETS as u32);
}
