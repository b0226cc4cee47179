// SPDX-License-Identifier: GPL-2.0

//! Requests that the buffer driver must refuse, or the kernel before it.

use super::{mark, marked, page, test, wrong_ioctls, zero};
use crate::buffer_abi::{self as abi, IOC_TYPE, MAX_PAGES, Request};
use crate::check::{Refusals, done, same};
use crate::device::buffer::{DISCARD, NODE, POPULATE, RECLAIM, SET_SIZE};
use crate::device::{Buffer, map, map_shared};
use libc::{
    EACCES, EBUSY, EINVAL, ENOMEM, ENOTTY, ENXIO, EOVERFLOW, EPERM, MAP_PRIVATE, MAP_SHARED,
    PROT_EXEC, PROT_NONE, PROT_READ, PROT_WRITE,
};
use std::fs::File;
use std::os::fd::AsRawFd;
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place};
use vma_guest::sys::{self, Place};

pub const TESTS: &[Test] = &[
    test("buffer, bad input: sizes", sizes),
    test("buffer, bad input: mappings beyond the end", beyond),
    test("buffer, bad input: huge and empty mappings", huge),
    test(
        "buffer, bad input: private and executable mappings",
        protections,
    ),
    test(
        "buffer, bad input: more than the file was opened for",
        modes,
    ),
    test(
        "buffer, bad input: addresses and offsets that are not aligned",
        unaligned,
    ),
    test("buffer, bad input: pages that are not in the buffer", pages),
    test("buffer, bad input: words that must be 0", reserved),
    test("buffer, bad input: ioctl numbers", numbers),
];

const RW: i32 = PROT_READ | PROT_WRITE;

fn sizes() {
    let buffer = done("open", Buffer::open());
    let mut refusals = Refusals::default();
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
        refusals.add(&what, EINVAL, buffer.request(SET_SIZE, [size, 0, 0, 0]));
    }
    refusals.add("mapping without a size", ENXIO, buffer.map(place(0), 0, 1));
    refusals.add("discard without a size", EINVAL, buffer.discard(0, 1));
    done("the smallest size", buffer.request(SET_SIZE, [1, 0, 0, 0]));
    for size in [1, 2] {
        refusals.add(
            "a second size",
            EBUSY,
            buffer.request(SET_SIZE, [size, 0, 0, 0]),
        );
    }
    refusals.end();
    done("map", buffer.map(place(0), 0, 1));
    zero("the buffer", place(0), 1);
}

fn beyond() {
    let buffer = Buffer::of_pages(8);
    let mut refusals = Refusals::default();
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
        refusals.add(&what, ENXIO, buffer.map(place(0), first, pages));
    }
    refusals.end();
    done("the last page", buffer.map(place(0), 7, 1));
    zero("the last page", place(0), 1);
    // The kernel maps whole pages.
    let of = Some((buffer.file.as_raw_fd(), 7 * page() as i64));
    done("a byte", memory::map(place(0), 1, RW, MAP_SHARED, of));
    zero("the last page", place(0), 1);
}

fn huge() {
    let buffer = Buffer::of_pages(8);
    let mut refusals = Refusals::default();
    let mut add = |what: &str, wanted, len: usize, offset: i64| {
        let of = Some((buffer.file.as_raw_fd(), offset));
        refusals.add(
            what,
            wanted,
            sys::mmap(Place::Anywhere, len, RW, MAP_SHARED, of),
        );
    };
    let page = page() as i64;
    add("64 TiB", ENXIO, 1 << 46, 0);
    add("64 TiB less a page", ENXIO, (1 << 46) - page as usize, page);
    add("the whole address space", ENOMEM, 1 << 47, 0);
    add("all of 2 to the power of 64", ENOMEM, usize::MAX, 0);
    add("nothing", EINVAL, 0, 0);
    add(
        "a page at the largest offset",
        ENXIO,
        1,
        i64::MAX - (page - 1),
    );
    add(
        "two pages at the largest offset",
        ENXIO,
        2 * page as usize,
        i64::MAX - (page - 1),
    );
    add(
        "two pages, of which the end has no offset",
        EOVERFLOW,
        2 * page as usize,
        -page,
    );
    add(
        "64 TiB, of which the end has no offset",
        EOVERFLOW,
        1 << 46,
        -page,
    );
    refusals.end();
}

fn protections() {
    let buffer = Buffer::of_pages(4);
    let (at, len) = (place(0), 4 * page());
    let mut refusals = Refusals::default();
    for prot in [PROT_NONE, PROT_READ, RW] {
        let private = map(&buffer.file, at, 0, 4, prot, MAP_PRIVATE);
        refusals.add("a private mapping", EINVAL, private);
    }
    for prot in [PROT_EXEC, PROT_READ | PROT_EXEC, RW | PROT_EXEC] {
        refusals.add(
            "an executable mapping",
            EPERM,
            map_shared(&buffer.file, at, 0, 4, prot),
        );
    }
    done("map", buffer.map(at, 0, 4));
    mark(at, 0, 4, 1);
    for prot in [PROT_EXEC, PROT_READ | PROT_EXEC, RW | PROT_EXEC] {
        refusals.add(
            "mprotect to executable",
            EACCES,
            memory::protect(at, len, prot),
        );
        refusals.add(
            "mprotect to executable",
            EACCES,
            memory::protect(at + page(), page(), prot),
        );
    }
    refusals.end();
    marked("the buffer", at, 0, 4, 1);
}

fn modes() {
    let mut refusals = Refusals::default();
    let (at, len) = (place(0), 4 * page());
    let sized = |file: &File| {
        let mut request: Request = [4, 0, 0, 0];
        done(
            "setting the size",
            sys::ioctl_words(file, SET_SIZE, &mut request),
        );
    };

    let file = done("open", NODE.open_as(File::options().read(true)));
    sized(&file);
    for prot in [PROT_WRITE, RW] {
        let mapped = map_shared(&file, at, 0, 4, prot);
        refusals.add(
            "a writable mapping of a file open read-only",
            EACCES,
            mapped,
        );
    }
    done("map", map_shared(&file, at, 0, 4, PROT_READ));
    refusals.add("mprotect to writable", EACCES, memory::protect(at, len, RW));
    zero("the buffer", at, 4);

    let file = done("open", NODE.open_as(File::options().write(true)));
    sized(&file);
    for prot in [PROT_READ, PROT_WRITE, RW] {
        let mapped = map_shared(&file, at, 0, 4, prot);
        refusals.add("a mapping of a file open write-only", EACCES, mapped);
    }
    refusals.end();
}

fn unaligned() {
    let buffer = Buffer::of_pages(8);
    let fd = buffer.file.as_raw_fd();
    let (at, page) = (place(0), page());
    done("map", buffer.map(at, 0, 8));
    mark(at, 0, 8, 1);
    let mut refusals = Refusals::default();
    let map = |addr, offset| memory::map(addr, page, RW, MAP_SHARED, Some((fd, offset)));
    for odd in [1, 8, 512, page / 2, page - 1] {
        refusals.add("an offset in a page", EINVAL, map(place(1), odd as i64));
        refusals.add("an address in a page", EINVAL, map(at + odd, 0));
        refusals.add(
            "munmap at such an address",
            EINVAL,
            memory::unmap(at + odd, page),
        );
        refusals.add(
            "mprotect there",
            EINVAL,
            memory::protect(at + odd, page, PROT_READ),
        );
        refusals.add(
            "madvise there",
            EINVAL,
            memory::advise(at + odd, page, libc::MADV_DONTNEED),
        );
        let moved = memory::relocate(at + odd, page, place(2), page, 0);
        refusals.add("mremap from there", EINVAL, moved);
        let moved = memory::relocate(at, page, place(2) + odd, page, 0);
        refusals.add("mremap to there", EINVAL, moved);
    }
    refusals.add("munmap of nothing", EINVAL, memory::unmap(at, 0));
    refusals.end();
    marked("the buffer", at, 0, 8, 1);
}

fn pages() {
    let buffer = Buffer::of_pages(8);
    done("map", buffer.map(place(0), 0, 8));
    mark(place(0), 0, 8, 1);
    let mut refusals = Refusals::default();
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
        refusals.add(
            &format!("populate {what}"),
            EINVAL,
            buffer.populate(first, pages),
        );
        refusals.add(
            &format!("discard {what}"),
            EINVAL,
            buffer.discard(first, pages),
        );
    }
    refusals.end();
    same(
        "pages reclaimed",
        done("reclaim", buffer.reclaim_patiently(u64::MAX)),
        0,
    );
    marked("the buffer", place(0), 0, 8, 1);
}

fn reserved() {
    let buffer = done("open", Buffer::open());
    let mut refusals = Refusals::default();
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
            refusals.add(&what, EINVAL, buffer.request(SET_SIZE, request));
        }
    }
    done("setting the size", buffer.request(SET_SIZE, [4, 0, 0, 0]));
    done("map", buffer.map(place(0), 0, 4));
    mark(place(0), 0, 4, 1);
    for value in bad {
        for word in [2, 3] {
            for (what, number) in [("populate", POPULATE), ("discard", DISCARD)] {
                let what = format!("{what} with word {word} {value:#x}");
                refusals.add(
                    &what,
                    EINVAL,
                    buffer.request(number, with([0, 1, 0, 0], word, value)),
                );
            }
        }
        for word in [1, 2, 3] {
            let what = format!("reclaim with word {word} {value:#x}");
            refusals.add(
                &what,
                EINVAL,
                buffer.request(RECLAIM, with([1, 0, 0, 0], word, value)),
            );
        }
    }
    refusals.end();
    same(
        "pages reclaimed",
        done("reclaim", buffer.reclaim_patiently(100)),
        0,
    );
    marked("the buffer", place(0), 0, 4, 1);
}

fn numbers() {
    let buffer = Buffer::of_pages(1);
    let mut refusals = Refusals::default();
    let mut add = |what: &str, number: u32| {
        refusals.add(what, ENOTTY, buffer.request(number, [1, 0, 0, 0]));
    };
    wrong_ioctls::<Request, [u64; 4], [u64; 3]>(
        IOC_TYPE,
        abi::SET_SIZE_NR,
        abi::STATS_NR,
        &mut add,
    );
    add("a terminal's ioctl", libc::TCGETS as u32);
    refusals.end();
}
