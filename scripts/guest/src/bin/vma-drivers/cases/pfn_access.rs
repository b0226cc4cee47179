// SPDX-License-Identifier: GPL-2.0

//! pfn memory as debuggers see it: `/proc/self/mem` asks the driver; what pins pages is refused.

use super::pfn::pattern;
use super::{mark, marked, page, test};
use crate::check::{done, refused, same};
use crate::device::Pfn;
use crate::device::pfn::{DATA, DATA_PAGES, STATUS_PAGES};
use std::fs::File;
use std::os::unix::fs::FileExt;
use vma_guest::runner::Test;
use vma_guest::sys::memory::{place, word};
use vma_guest::sys::process;

pub const TESTS: &[Test] = &[
    test("pfn: /proc/self/mem reads the status part", read_status),
    test("pfn: /proc/self/mem reads the data part", read_data),
    test(
        "pfn: /proc/self/mem reads across pages, and not beyond the end",
        read_across,
    ),
    test(
        "pfn: /proc/self/mem cannot write the status part",
        write_status,
    ),
    test(
        "pfn: /proc/self/mem writes the data part, or is refused",
        write_data,
    ),
    test(
        "pfn: /proc/self/mem cannot write a read-only mapping of the data part",
        write_read_only,
    ),
    test(
        "pfn: a read that the driver answers in part leaves the rest alone",
        read_in_part,
    ),
    test("pfn: process_vm_readv is EFAULT", read_pinned),
    test("pfn: write() from it and read() to it work", system_calls),
];

#[track_caller]
fn own_memory() -> File {
    done(
        "/proc/self/mem",
        File::options()
            .read(true)
            .write(true)
            .open("/proc/self/mem"),
    )
}

/// Reads a page by way of the driver.
#[track_caller]
fn read(memory: &File, addr: usize) -> Vec<u64> {
    let mut bytes = vec![0; page()];
    done(
        "reading /proc/self/mem",
        memory.read_exact_at(&mut bytes, addr as u64),
    );
    let words = bytes.chunks_exact(8);
    words
        .map(|bytes| u64::from_ne_bytes(bytes.try_into().expect("chunks of 8 bytes")))
        .collect()
}

/// What a page holds at first.
fn words_of(number: u64) -> Vec<u64> {
    (0..page() as u64 / 8)
        .map(|index| number << 32 | index)
        .collect()
}

fn read_status() {
    let pfn = Pfn::open();
    done("map", pfn.map_status(place(0), 0, STATUS_PAGES));
    let memory = own_memory();
    for number in 0..STATUS_PAGES {
        let got = read(&memory, place(0) + number * page());
        assert!(got == words_of(number as u64), "page {number} reads wrong");
    }
}

fn read_data() {
    let pfn = Pfn::open();
    done("map", pfn.map_data(place(0), 0, DATA_PAGES));
    pattern("the data part", place(0), DATA, DATA_PAGES);
    let memory = own_memory();
    for number in 0..DATA_PAGES {
        let got = read(&memory, place(0) + number * page());
        assert!(
            got == words_of(DATA + number as u64),
            "page {number} reads wrong"
        );
    }
    mark(place(0), 0, DATA_PAGES, 1);
    same(
        "what was stored",
        read(&memory, place(0) + 3 * page())[0],
        1 << 32 | 3,
    );
}

fn read_across() {
    let pfn = Pfn::open();
    done("map", pfn.map_status(place(0), 0, 2));
    let memory = own_memory();
    let page = page();
    let end = (place(0) + page) as u64;
    let mut bytes = [0; 16];
    done(
        "reading across pages",
        memory.read_exact_at(&mut bytes, end - 8),
    );
    let last = page as u64 / 8 - 1;
    same(
        "what was read",
        bytes,
        [last.to_ne_bytes(), (1_u64 << 32).to_ne_bytes()].concat()[..]
            .try_into()
            .expect("16 bytes"),
    );

    let mut bytes = [0; 3];
    done(
        "reading unaligned",
        memory.read_exact_at(&mut bytes, place(0) as u64 + 9),
    );
    same(
        "what was read",
        bytes,
        1_u64.to_ne_bytes()[1..4].try_into().expect("3 bytes"),
    );

    let end = (place(0) + 2 * page) as u64;
    let mut bytes = [0; 16];
    let read = done(
        "reading across the end",
        memory.read_at(&mut bytes, end - 8),
    );
    same("how much was read", read, 8);
    same(
        "what was read",
        u64::from_ne_bytes(bytes[..8].try_into().expect("8 bytes")),
        1 << 32 | last,
    );
    refused(
        "reading beyond the end",
        libc::EIO,
        memory.read_at(&mut bytes, end),
    );
}

fn write_status() {
    let pfn = Pfn::open();
    done("map", pfn.map_status(place(0), 0, STATUS_PAGES));
    let memory = own_memory();
    for number in [0, 1, STATUS_PAGES - 1] {
        let addr = (place(0) + number * page()) as u64;
        refused(
            "writing /proc/self/mem",
            libc::EIO,
            memory.write_at(&[9; 64], addr),
        );
    }
    pattern("the status part", place(0), 0, STATUS_PAGES);
}

fn write_data() {
    let pfn = Pfn::open();
    done("map", pfn.map_data(place(0), 0, 4));
    mark(place(0), 0, 4, 1);
    let addr = place(0) + page() + 64;
    let value = 0x0123_4567_89ab_cdef_u64;
    match own_memory().write_at(&value.to_ne_bytes(), addr as u64) {
        Ok(written) => {
            same("how much was written", written, 8);
            same("what was written", word(addr), value);
        }
        Err(e) => {
            refused("writing /proc/self/mem", libc::EIO, Err::<(), _>(e));
            same("what was there", word(addr), (DATA + 1) << 32 | 8);
        }
    }
    same("the word before", word(addr - 8), (DATA + 1) << 32 | 7);
    same("the word after", word(addr + 8), (DATA + 1) << 32 | 9);
    marked("all marks", place(0), 0, 4, 1);
}

/// The same memory is mapped for writing besides: that is its own permission.
fn write_read_only() {
    let pfn = Pfn::open();
    done("map", pfn.map_data_read_only(place(0), 0, 4));
    done("map", pfn.map_data(place(1), 0, 4));
    mark(place(1), 0, 4, 1);
    let memory = own_memory();
    for number in 0..4 {
        let addr = (place(0) + number * page()) as u64;
        refused(
            "writing /proc/self/mem",
            libc::EIO,
            memory.write_at(&[9; 64], addr),
        );
    }
    marked("the data part", place(1), 0, 4, 1);

    let addr = (place(1) + page()) as u64;
    let value = 0x0123_4567_89ab_cdef_u64.to_ne_bytes();
    same(
        "how much was written to the other mapping",
        done("writing", memory.write_at(&value, addr)),
        8,
    );
    same(
        "what was written",
        u64::from_ne_bytes(value),
        read(&memory, place(0) + page())[0],
    );
}

/// The kernel's buffer has other bytes before: those of a write that was refused.
fn read_in_part() {
    const POISON: u8 = 0x6b;
    let pfn = Pfn::open();
    done("map", pfn.map_data_read_only(place(0), 0, 2));
    let memory = own_memory();
    let end = (place(0) + 2 * page()) as u64;
    for _ in 0..64 {
        refused(
            "writing /proc/self/mem",
            libc::EIO,
            memory.write_at(&vec![POISON; page()], place(0) as u64),
        );
        let mut bytes = vec![1; page()];
        let read = done("reading", memory.read_at(&mut bytes, end - 8));
        same("how much was read", read, 8);
        assert!(
            bytes[8..].iter().all(|&byte| byte == 1),
            "bytes that the driver did not give were copied"
        );
        let last = page() as u64 / 8 - 1;
        same(
            "what was read",
            u64::from_ne_bytes(bytes[..8].try_into().expect("8 bytes")),
            (DATA + 1) << 32 | last,
        );

        // The driver gives 256 bytes of these, and is asked for the others, an odd number.
        let mut bytes = vec![1; 1000];
        done("reading", memory.read_exact_at(&mut bytes, end - 1000));
        let words = bytes.chunks_exact(8);
        let got = words.map(|word| u64::from_ne_bytes(word.try_into().expect("8 bytes")));
        let wanted = (page() as u64 - 1000) / 8..page() as u64 / 8;
        assert!(
            got.eq(wanted.map(|word| (DATA + 1) << 32 | word)),
            "what the driver gave in parts reads wrong"
        );
    }
}

fn read_pinned() {
    let pfn = Pfn::open();
    done("map", pfn.map_data(place(0), 0, 4));
    done("map", pfn.map_status(place(1), 0, 4));
    mark(place(0), 0, 4, 1);
    for at in [place(0), place(1)] {
        refused(
            "process_vm_readv",
            libc::EFAULT,
            process::read_own_memory(at, &mut [0; 64]),
        );
    }
}

fn system_calls() {
    let pfn = Pfn::open();
    done("map", pfn.map_data(place(0), 0, 4));
    done("map", pfn.map_status(place(1), 0, 4));
    let bytes = crate::transfer::some_bytes(2 * page() + 5);
    crate::transfer::put(place(0) + 3, &bytes);
    assert!(
        crate::transfer::get(place(0) + 3, bytes.len()) == bytes,
        "the data part reads wrong"
    );
    let got = crate::transfer::get(place(1), 8 * 3);
    same("the status part", &got[8..16], &1_u64.to_ne_bytes()[..]);
    let file = done("a file", vma_guest::sys::memfd(c"bytes"));
    done("writing", file.write_all_at(&bytes, 0));
    refused(
        "read() to the status part",
        libc::EFAULT,
        vma_guest::sys::read_to(&file, place(1), 64),
    );
    pattern("the status part", place(1), 0, 4);
}
