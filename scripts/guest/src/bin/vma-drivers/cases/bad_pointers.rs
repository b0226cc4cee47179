// SPDX-License-Identifier: GPL-2.0

//! Arguments at addresses where there is no memory, or none that can be written.

use super::*;
use vma_guest::device::{buffer, pfn, userptr};

suite! {
    "bad pointers":
    refuses_them_in_ioctls_of_the_buffer, refuses_them_in_stats_of_pfn,
    refuses_them_in_ioctls_of_userptr, refuses_them_in_pread_and_pwrite,
    accepts_requests_in_the_drivers_own_memory,
}

/// Where no argument can be read, nor written; the place is unmapped, and made anew for each.
fn unreadable() -> [(&'static str, usize); 6] {
    let at = place(9);
    map_anonymous(at, 2 * page());
    protect(at + page(), page(), PROT_NONE);
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
    map_anonymous(at, page());
    put(at, &bytes.collect::<Vec<_>>());
    protect(at, page(), PROT_READ);
    at
}

/// Makes the ioctl everywhere; the request is a good one.
fn try_all(what: &str, file: &File, number: u32, request: &[u64]) {
    for (place, addr) in unreadable() {
        let got = sys::ioctl_at(file, number, addr);
        refused(&format!("{what} at {place}"), EFAULT, got);
    }
    let got = sys::ioctl_at(file, number, unwritable(request));
    refused(&format!("{what} at read-only memory"), EFAULT, got);
}

fn refuses_them_in_ioctls_of_the_buffer() {
    let file = &Buffer::open().must().file;
    try_all("set size", file, buffer::SET_SIZE, &[4, 0, 0, 0]);

    let buffer = mapped_buffer(4);
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
        try_all(what, &buffer.file, number, &request);
    }
    buffer
        .request(buffer::SET_SIZE, [4, 0, 0, 0])
        .must_fail(EBUSY);
    zero(place(0), 4);
}

fn refuses_them_in_stats_of_pfn() {
    try_all("stats", &Pfn::open().file, pfn::STATS, &[0; 6]);
}

fn refuses_them_in_ioctls_of_userptr() {
    let own = Userptr::open();
    map_anonymous(place(0), page());
    let addr = place(0) as u64;
    let way = userptr::FAST.number;
    for (what, number, request) in [
        ("sum", userptr::SUM, [addr, 8, way, 0, 0, 0]),
        ("fill", userptr::FILL, [addr, 8, way, 1, 0, 0]),
        ("stats", userptr::STATS, [0; 6]),
    ] {
        try_all(what, &own.file, number, &request);
    }
    // The memory may be registered or not when the answer cannot be written.
    let request = [addr, 8, 0, 0, 0, 0];
    try_all("register", &own.file, userptr::REGISTER, &request);

    for (what, number) in [
        ("sum of registered memory", userptr::SUM_REGISTERED),
        ("fill of registered memory", userptr::FILL_REGISTERED),
        ("unregister", userptr::UNREGISTER),
    ] {
        let own = Userptr::open();
        own.register(place(0), 8).must();
        try_all(what, &own.file, number, &[0; 6]);
    }
}

fn refuses_them_in_pread_and_pwrite() {
    let buffer = Buffer::of_pages(4);
    buffer.file.write_all_at(&[7; 64], 0).must();
    for (place, addr) in unreadable() {
        // At most the first eight bytes are there.
        if place.contains("the end") {
            continue;
        }
        refused(
            &format!("pread to {place}"),
            EFAULT,
            sys::read_to(&buffer.file, addr, 64),
        );
        let written = memory_write(&buffer.file, addr, 64);
        refused(&format!("pwrite from {place}"), EFAULT, written);
    }
    let read_only = unwritable(&[0; 8]);
    let got = sys::read_to(&buffer.file, read_only, 64);
    got.must_fail(EFAULT);
    let mut bytes = [0; 64];
    buffer.file.read_exact_at(&mut bytes, 0).must();
    assert!(bytes == [7; 64]);
}

fn memory_write(file: &File, addr: usize, len: usize) -> std::io::Result<usize> {
    memory::write_from(file.as_raw_fd(), addr, len)
}

fn accepts_requests_in_the_drivers_own_memory() {
    // A buffer's pages can hold the words of a request to the buffer, which faults them in.
    let buffer = mapped_buffer(4);
    sys::ioctl_at(&buffer.file, buffer::STATS, place(0) + page()).must();
    assert!(memory::word(place(0) + page() + 16) > 0);
    buffer.file.write_all_at(&1_u64.to_ne_bytes(), 8).must();
    sys::ioctl_at(&buffer.file, buffer::POPULATE, place(0)).must();

    // So it is to copy a buffer to itself.
    sys::read_to(&buffer.file, place(0) + 2 * page(), page()).must();
    memory::write_from(buffer.file.as_raw_fd(), place(0) + 3 * page(), page()).must();
    zero(place(0), 1);

    // pfn memory that can be read only is no place for an answer.
    let pfn = Pfn::open();
    pfn.map_status(place(1), 0, 4).must();
    sys::ioctl_at(&pfn.file, pfn::STATS, place(1)).must_fail(EFAULT);
    pfn.map_data(place(2), 0, 4).must();
    sys::ioctl_at(&pfn.file, pfn::STATS, place(2)).must();
}
