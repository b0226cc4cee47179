// SPDX-License-Identifier: GPL-2.0

//! Arguments at addresses where there is no memory, or none that can be written.

use super::{page, test, zero};
use crate::check::{Refusals, done, refused};
use crate::device::{Buffer, Pfn, Userptr, buffer, pfn, userptr};
use crate::transfer::put;
use libc::{EBUSY, EFAULT, PROT_NONE, PROT_READ};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use vma_guest::runner::Test;
use vma_guest::sys;
use vma_guest::sys::memory::{self, place};

pub const TESTS: &[Test] = &[
    test("bad pointers: ioctls of the buffer driver", of_buffer),
    test("bad pointers: STATS of the pfn driver", of_pfn),
    test("bad pointers: ioctls of the userptr driver", of_userptr),
    test("bad pointers: pread and pwrite of a buffer", of_file),
    test(
        "bad pointers: a request in memory of the driver itself",
        of_own_memory,
    ),
];

/// Where no argument can be read, nor written; the place is unmapped, and made anew for each.
fn unreadable() -> [(&'static str, usize); 6] {
    let at = place(9);
    done("map", memory::map_anonymous(at, 2 * page()));
    done("protect", memory::protect(at + page(), page(), PROT_NONE));
    [
        ("address 0", 0),
        ("an address in the first page", 8),
        ("a hole", at + 2 * page()),
        ("an address of the kernel", 0xffff_8000_0000_0000),
        ("inaccessible memory", at + page()),
        ("memory of which the end is inaccessible", at + page() - 8),
    ]
}

/// Puts a request into memory that can only be read.
fn unwritable(words: &[u64]) -> usize {
    let at = place(10);
    let bytes = words.iter().flat_map(|word| word.to_ne_bytes());
    done("map", memory::map_anonymous(at, page()));
    put(at, &bytes.collect::<Vec<_>>());
    done("protect", memory::protect(at, page(), PROT_READ));
    at
}

/// Makes the ioctl everywhere; the request is a good one.
fn try_all(refusals: &mut Refusals, what: &str, file: &File, number: u32, request: &[u64]) {
    for (place, addr) in unreadable() {
        let got = sys::ioctl_at(file, number, addr);
        refusals.add(&format!("{what} at {place}"), EFAULT, got);
    }
    let got = sys::ioctl_at(file, number, unwritable(request));
    refusals.add(&format!("{what} at read-only memory"), EFAULT, got);
}

fn of_buffer() {
    let mut refusals = Refusals::default();
    let file = &done("open", Buffer::open()).file;
    try_all(
        &mut refusals,
        "set size",
        file,
        buffer::SET_SIZE,
        &[4, 0, 0, 0],
    );

    let buffer = Buffer::of_pages(4);
    done("map", buffer.map(place(0), 0, 4));
    for (what, number) in [
        ("populate", buffer::POPULATE),
        ("discard", buffer::DISCARD),
        ("reclaim", buffer::RECLAIM),
        ("stats", buffer::STATS),
    ] {
        let request: [u64; 6] = match number {
            buffer::RECLAIM => [1, 0, 0, 0, 0, 0],
            _ => [0, 1, 0, 0, 0, 0],
        };
        try_all(&mut refusals, what, &buffer.file, number, &request);
    }
    refusals.end();
    refused(
        "a second size",
        EBUSY,
        buffer.request(buffer::SET_SIZE, [4, 0, 0, 0]),
    );
    zero("the buffer", place(0), 4);
}

fn of_pfn() {
    let mut refusals = Refusals::default();
    try_all(
        &mut refusals,
        "stats",
        &Pfn::open().file,
        pfn::STATS,
        &[0; 6],
    );
    refusals.end();
}

fn of_userptr() {
    let mut refusals = Refusals::default();
    let own = Userptr::open();
    done("map", memory::map_anonymous(place(0), page()));
    let addr = place(0) as u64;
    let way = userptr::FAST.number;
    for (what, number, request) in [
        ("sum", userptr::SUM, [addr, 8, way, 0, 0, 0]),
        ("fill", userptr::FILL, [addr, 8, way, 1, 0, 0]),
        ("stats", userptr::STATS, [0; 6]),
    ] {
        try_all(&mut refusals, what, &own.file, number, &request);
    }
    // Whether the memory is registered when the answer cannot be written is not said.
    let request = [addr, 8, 0, 0, 0, 0];
    try_all(
        &mut refusals,
        "register",
        &own.file,
        userptr::REGISTER,
        &request,
    );

    for (what, number) in [
        ("sum of registered memory", userptr::SUM_REGISTERED),
        ("fill of registered memory", userptr::FILL_REGISTERED),
        ("unregister", userptr::UNREGISTER),
    ] {
        let own = Userptr::open();
        done("register", own.register(place(0), 8));
        try_all(&mut refusals, what, &own.file, number, &[0; 6]);
    }
    refusals.end();
}

fn of_file() {
    let buffer = Buffer::of_pages(4);
    done("pwrite", buffer.file.write_all_at(&[7; 64], 0));
    let mut refusals = Refusals::default();
    for (place, addr) in unreadable() {
        // At most the first eight bytes are there.
        if place.contains("the end") {
            continue;
        }
        refusals.add(
            &format!("pread to {place}"),
            EFAULT,
            sys::read_to(&buffer.file, addr, 64),
        );
        let written = memory_write(&buffer.file, addr, 64);
        refusals.add(&format!("pwrite from {place}"), EFAULT, written);
    }
    let read_only = unwritable(&[0; 8]);
    let got = sys::read_to(&buffer.file, read_only, 64);
    refusals.add("pread to read-only memory", EFAULT, got);
    refusals.end();
    let mut bytes = [0; 64];
    done("pread", buffer.file.read_exact_at(&mut bytes, 0));
    assert!(bytes == [7; 64], "the buffer has other bytes");
}

fn memory_write(file: &File, addr: usize, len: usize) -> std::io::Result<usize> {
    memory::write_from(file.as_raw_fd(), addr, len)
}

fn of_own_memory() {
    // A buffer's pages can hold the words of a request to the buffer, which faults them in.
    let buffer = Buffer::of_pages(4);
    done("map", buffer.map(place(0), 0, 4));
    done(
        "stats",
        sys::ioctl_at(&buffer.file, buffer::STATS, place(0) + page()),
    );
    assert!(memory::word(place(0) + page() + 16) > 0, "no VMA was made");
    done("pwrite", buffer.file.write_all_at(&1_u64.to_ne_bytes(), 8));
    done(
        "populate",
        sys::ioctl_at(&buffer.file, buffer::POPULATE, place(0)),
    );

    // So it is to copy a buffer to itself.
    done(
        "pread",
        sys::read_to(&buffer.file, place(0) + 2 * page(), page()),
    );
    done(
        "pwrite",
        memory::write_from(buffer.file.as_raw_fd(), place(0) + 3 * page(), page()),
    );
    zero("a page of zeroes, copied to the first", place(0), 1);

    // pfn memory that can be read only is no place for an answer.
    let pfn = Pfn::open();
    done("map", pfn.map_status(place(1), 0, 4));
    refused(
        "stats",
        EFAULT,
        sys::ioctl_at(&pfn.file, pfn::STATS, place(1)),
    );
    done("map", pfn.map_data(place(2), 0, 4));
    done("stats", sys::ioctl_at(&pfn.file, pfn::STATS, place(2)));
}
