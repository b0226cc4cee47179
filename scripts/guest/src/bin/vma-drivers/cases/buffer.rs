// SPDX-License-Identifier: GPL-2.0

//! What a buffer holds, and who sees it.

use super::{mark, marked, page, test, zero};
use crate::check::{done, refused, same};
use crate::device::Buffer;
use crate::device::buffer::NODE;
use libc::{MADV_DONTNEED, PROT_READ};
use std::fs::File;
use std::os::unix::fs::FileExt;
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place, set_word, word};
use vma_guest::sys::process;

pub const TESTS: &[Test] = &[
    test("buffer: pages are zero at first", zero_at_first),
    test(
        "buffer: pwrite shows in a mapping, a store shows in pread",
        file_and_mapping,
    ),
    test("buffer: pread and pwrite at the end", end_of_file),
    test(
        "buffer: pread of pages that nobody accessed",
        pread_of_nothing,
    ),
    test(
        "buffer: two mappings of one file see each other",
        two_mappings,
    ),
    test("buffer: a mapping of some pages shows these", part),
    test("buffer: two files are two buffers", two_files),
    test("buffer: mapped of a file open read-only", read_only),
    test("buffer: a mapping outlives the closed file", closed_file),
    test("buffer: pages and faults are counted", counted),
    test("buffer: the largest one", largest),
    test("buffer: no faults after POPULATE", populate),
    test("buffer: POPULATE is for the last mapping", populate_last),
    test("buffer: MADV_DONTNEED keeps the contents", dont_need),
    test(
        "buffer: /proc/self/mem and process_vm_readv read it",
        debugger_reads,
    ),
    test(
        "buffer: /proc/self/mem cannot write a read-only mapping",
        debugger_writes,
    ),
];

fn zero_at_first() {
    let buffer = Buffer::of_pages(8);
    let at = place(0);
    done("map", buffer.map(at, 0, 8));
    zero("a new buffer", at, 8);
    mark(at, 0, 8, 1);
    marked("after the stores", at, 0, 8, 1);
    done("unmap", memory::unmap(at, 8 * page()));
    done("map again", buffer.map(at, 0, 8));
    marked("in a mapping made later", at, 0, 8, 1);
}

fn file_and_mapping() {
    let buffer = Buffer::of_pages(4);
    let at = place(0);
    let page = page();
    done("map", buffer.map(at, 0, 4));

    let bytes = crate::transfer::some_bytes(2 * page);
    // Three pages: one before the mapping has it, and after.
    word(at + page);
    let offset = page / 2 + 3;
    same(
        "pwrite",
        done("pwrite", buffer.file.write_at(&bytes, offset as u64)),
        bytes.len(),
    );
    let seen = crate::transfer::get(at + offset, bytes.len());
    assert!(
        seen == bytes,
        "the mapping has other bytes than were written"
    );

    set_word(at + 3 * page + 8, 0x0123_4567_89ab_cdef);
    let mut back = [0; 8];
    done(
        "pread",
        buffer.file.read_exact_at(&mut back, 3 * page as u64 + 8),
    );
    same(
        "what pread reads",
        u64::from_ne_bytes(back),
        0x0123_4567_89ab_cdef,
    );
    let mut all = vec![1; 4 * page];
    done("pread", buffer.file.read_exact_at(&mut all, 0));
    assert!(
        all[offset..offset + bytes.len()] == bytes,
        "pread reads other bytes than were written"
    );
    assert!(
        all[..offset].iter().all(|&byte| byte == 0),
        "pread reads bytes before them"
    );
}

fn end_of_file() {
    let buffer = Buffer::of_pages(2);
    let end = 2 * page() as u64;
    let mut bytes = [1; 32];
    for offset in [end, end + 1, end + 4096, 1 << 40] {
        same(
            "pread at or beyond the end",
            done("pread", buffer.file.read_at(&mut bytes, offset)),
            0,
        );
        refused(
            "pwrite at or beyond the end",
            libc::ENOSPC,
            buffer.file.write_at(&bytes, offset),
        );
    }
    same(
        "pwrite across the end",
        done("pwrite", buffer.file.write_at(&[7; 32], end - 16)),
        16,
    );
    same(
        "pread across the end",
        done("pread", buffer.file.read_at(&mut bytes, end - 16)),
        16,
    );
    same(
        "what was read",
        &bytes[..],
        &[[7; 16], [1; 16]].concat()[..],
    );
    same(
        "pread of nothing",
        done("pread", buffer.file.read_at(&mut [], 0)),
        0,
    );
}

fn pread_of_nothing() {
    let buffer = Buffer::of_pages(3);
    let mut bytes = vec![1; 3 * page()];
    done("pread", buffer.file.read_exact_at(&mut bytes, 0));
    assert!(
        bytes.iter().all(|&byte| byte == 0),
        "pread of a new buffer reads something"
    );
}

fn two_mappings() {
    let buffer = Buffer::of_pages(8);
    let (one, two) = (place(0), place(1));
    done("map", buffer.map(one, 0, 8));
    done("map", buffer.map(two, 0, 8));
    mark(one, 0, 4, 1);
    mark(two + 4 * page(), 4, 4, 1);
    marked("the first mapping", one, 0, 8, 1);
    marked("the second mapping", two, 0, 8, 1);
}

fn part() {
    let buffer = Buffer::of_pages(8);
    let (all, some) = (place(0), place(1));
    done("map", buffer.map(all, 0, 8));
    done("map", buffer.map(some, 3, 4));
    mark(all, 0, 8, 1);
    marked("pages 3 to 6", some, 3, 4, 1);
    mark(some, 3, 4, 2);
    marked("pages before", all, 0, 3, 1);
    marked("pages 3 to 6", all + 3 * page(), 3, 4, 2);
    marked("pages after", all + 7 * page(), 7, 1, 1);
}

fn two_files() {
    let buffers = [Buffer::of_pages(2), Buffer::of_pages(2)];
    for (number, buffer) in buffers.iter().enumerate() {
        done("map", buffer.map(place(number), 0, 2));
        mark(place(number), 0, 2, number as u64 + 1);
    }
    marked("the first buffer", place(0), 0, 2, 1);
    marked("the second buffer", place(1), 0, 2, 2);
}

fn read_only() {
    use crate::buffer_abi::Request;
    let file = done("open read-only", NODE.open_as(File::options().read(true)));
    let mut request: Request = [2, 0, 0, 0];
    done(
        "size",
        vma_guest::sys::ioctl_words(&file, crate::device::buffer::SET_SIZE, &mut request),
    );
    let at = place(0);
    done("map", crate::device::map_shared(&file, at, 0, 2, PROT_READ));
    zero("a new buffer", at, 2);
    crate::check::dies("a store", libc::SIGSEGV, || set_word(at, 1));
}

fn closed_file() {
    let counters = done("open", Buffer::open());
    let before = done("counters", counters.stats());
    let buffer = Buffer::of_pages(4);
    done("map", buffer.map(place(0), 0, 4));
    mark(place(0), 0, 2, 1);
    drop(buffer);
    marked("after close", place(0), 0, 2, 1);
    mark(place(0) + 2 * page(), 2, 2, 1);
    marked("after close", place(0), 0, 4, 1);
    let mapped = done("counters", counters.stats());
    same(
        "buffers while one is mapped",
        mapped.buffers,
        before.buffers + 1,
    );
    same("pages of buffers", mapped.pages, before.pages + 4);
    done("unmap", memory::unmap(place(0), 4 * page()));
    let after = done("counters", counters.stats());
    same("buffers after munmap", after.buffers, before.buffers);
    same("pages of buffers", after.pages, before.pages);
}

fn counted() {
    let buffer = Buffer::of_pages(8);
    let before = done("counters", buffer.stats());
    done("map", buffer.map(place(0), 0, 8));
    mark(place(0), 0, 6, 1);
    marked("what was stored", place(0), 0, 6, 1);
    let after = done("counters", buffer.stats());
    same("pages", after.pages - before.pages, 6);
    same("faults", after.faults - before.faults, 6);
    same("VMAs made", after.made - before.made, 1);
    same("VMAs dropped", after.dropped - before.dropped, 0);
    done("unmap", memory::unmap(place(0), 8 * page()));
    let after = done("counters", buffer.stats());
    same("VMAs dropped", after.dropped - before.dropped, 1);
    same(
        "pages that stay in the buffer",
        after.pages - before.pages,
        6,
    );
}

fn largest() {
    let pages = usize::try_from(crate::buffer_abi::MAX_PAGES).expect("a size in memory");
    let buffer = Buffer::of_pages(pages);
    done("map", buffer.map(place(0), 0, pages));
    mark(place(0), 0, pages, 1);
    marked("the largest buffer", place(0), 0, pages, 1);
    drop(buffer);
    marked("after close", place(0), 0, pages, 1);
}

fn populate() {
    let buffer = Buffer::of_pages(8);
    let at = place(0);
    done("map", buffer.map(at, 0, 8));
    set_word(at + 3 * page(), 5);
    same(
        "pages populated of 2 to 5",
        done("populate", buffer.populate(2, 4)),
        3,
    );
    same(
        "pages populated of all",
        done("populate", buffer.populate(0, 8)),
        4,
    );
    same(
        "pages populated again",
        done("populate", buffer.populate(0, 8)),
        0,
    );
    let before = done("counters", buffer.stats());
    same("what was stored before", word(at + 3 * page()), 5);
    mark(at, 0, 8, 1);
    marked("populated pages", at, 0, 8, 1);
    same(
        "faults",
        done("counters", buffer.stats()).faults,
        before.faults,
    );
}

fn populate_last() {
    let buffer = Buffer::of_pages(4);
    refused(
        "populate without a mapping",
        libc::ENXIO,
        buffer.populate(0, 4),
    );
    done("map", buffer.map(place(0), 0, 4));
    mark(place(0), 0, 4, 1);
    done("map", buffer.map(place(1), 0, 4));
    same(
        "pages of the second mapping",
        done("populate", buffer.populate(0, 4)),
        4,
    );
    done("unmap", memory::unmap(place(1), 4 * page()));
    refused(
        "populate when the last mapping is gone",
        libc::ENXIO,
        buffer.populate(0, 4),
    );
    marked("the first mapping", place(0), 0, 4, 1);
}

fn dont_need() {
    let buffer = Buffer::of_pages(4);
    let at = place(0);
    done("map", buffer.map(at, 0, 4));
    mark(at, 0, 4, 1);
    let before = done("counters", buffer.stats());
    done("madvise", memory::advise(at, 3 * page(), MADV_DONTNEED));
    marked("after MADV_DONTNEED", at, 0, 4, 1);
    let after = done("counters", buffer.stats());
    // The pages exist, so one fault can bring back all of them.
    let faults = after.faults - before.faults;
    assert!(faults <= 3, "{faults} faults for 3 pages");
    same("pages", after.pages, before.pages);
}

fn debugger_reads() {
    let buffer = Buffer::of_pages(4);
    let (at, page) = (place(0), page());
    done("map", buffer.map(at, 0, 4));
    let bytes = crate::transfer::some_bytes(2 * page);
    crate::transfer::put(at + 5, &bytes);
    let mut seen = vec![0; bytes.len()];
    let memory = done("/proc/self/mem", File::open("/proc/self/mem"));
    done("reading it", memory.read_exact_at(&mut seen, at as u64 + 5));
    assert!(seen == bytes, "/proc/self/mem has other bytes");
    seen.fill(0);
    let read = done(
        "process_vm_readv",
        process::read_own_memory(at + 5, &mut seen),
    );
    same("how much was read", read, bytes.len());
    assert!(seen == bytes, "process_vm_readv has other bytes");

    // The last page is made by such a read.
    let before = done("counters", buffer.stats()).pages;
    done(
        "reading a new page",
        memory.read_exact_at(&mut seen[..8], (at + 3 * page) as u64),
    );
    same("a new page", &seen[..8], &[0; 8][..]);
    same("pages", done("counters", buffer.stats()).pages - before, 1);
}

fn debugger_writes() {
    let buffer = Buffer::of_pages(2);
    done("map", buffer.map(place(0), 0, 2));
    done(
        "map",
        crate::device::map_shared(&buffer.file, place(1), 0, 2, PROT_READ),
    );
    mark(place(0), 0, 2, 1);
    let memory = File::options()
        .read(true)
        .write(true)
        .open("/proc/self/mem");
    let memory = done("/proc/self/mem", memory);
    for addr in [place(1), place(1) + page() + 8] {
        refused(
            "writing it",
            libc::EIO,
            memory.write_at(&[9; 8], addr as u64),
        );
    }
    marked("the buffer", place(0), 0, 2, 1);
    done(
        "writing a writable mapping",
        memory.write_all_at(&[9; 8], place(0) as u64 + 8),
    );
    same(
        "what was written",
        word(place(1) + 8),
        0x0909_0909_0909_0909,
    );
}
