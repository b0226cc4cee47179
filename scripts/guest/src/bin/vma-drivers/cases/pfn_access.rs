// SPDX-License-Identifier: GPL-2.0

//! pfn memory as debuggers see it: `/proc/self/mem` asks the driver; what pins pages is refused.

use super::*;

suite! {
    "pfn":
    proc_mem_reads_the_status_part, proc_mem_reads_the_data_part,
    proc_mem_reads_across_pages_to_the_end, proc_mem_cannot_write_the_status_part,
    proc_mem_writes_the_data_part_or_refuses, proc_mem_cannot_write_read_only_part,
    partial_read_leaves_the_rest_alone, process_vm_readv_is_efault,
    write_and_read_system_calls_work,
}

/// Reads a page by way of the driver.
#[track_caller]
fn read(memory: &File, addr: usize) -> Vec<u64> {
    let mut bytes = vec![0; page()];
    memory.read_exact_at(&mut bytes, addr as u64).must();
    let words = bytes.chunks_exact(8);
    words
        .map(|bytes| u64::from_ne_bytes(bytes.try_into().expect("chunks of 8 bytes")))
        .collect()
}

/// Returns the initial contents of a page.
fn words_of(number: u64) -> Vec<u64> {
    (0..page() as u64 / 8)
        .map(|index| number << 32 | index)
        .collect()
}

fn proc_mem_reads_the_status_part() {
    let pfn = Pfn::open();
    pfn.map_status(place(0), 0, STATUS_PAGES).must();
    let memory = own_memory();
    for number in 0..STATUS_PAGES {
        let got = read(&memory, place(0) + number * page());
        assert!(got == words_of(number as u64), "page {number} reads wrong");
    }
}

fn proc_mem_reads_the_data_part() {
    let pfn = Pfn::open();
    pfn.map_data(place(0), 0, DATA_PAGES).must();
    pattern(place(0), DATA, DATA_PAGES);
    let memory = own_memory();
    for number in 0..DATA_PAGES {
        let got = read(&memory, place(0) + number * page());
        assert!(
            got == words_of(DATA + number as u64),
            "page {number} reads wrong"
        );
    }
    mark(place(0), 0, DATA_PAGES, 1);
    assert_eq!(read(&memory, place(0) + 3 * page())[0], 1 << 32 | 3);
}

fn proc_mem_reads_across_pages_to_the_end() {
    let pfn = Pfn::open();
    pfn.map_status(place(0), 0, 2).must();
    let memory = own_memory();
    let page = page();
    let end = (place(0) + page) as u64;
    let mut bytes = [0; 16];
    memory.read_exact_at(&mut bytes, end - 8).must();
    let last = page as u64 / 8 - 1;
    assert_eq!(
        bytes[..],
        [last.to_ne_bytes(), (1_u64 << 32).to_ne_bytes()].concat()
    );

    let mut bytes = [0; 3];
    memory.read_exact_at(&mut bytes, place(0) as u64 + 9).must();
    assert_eq!(bytes, 1_u64.to_ne_bytes()[1..4]);

    let end = (place(0) + 2 * page) as u64;
    let mut bytes = [0; 16];
    let read = memory.read_at(&mut bytes, end - 8).must();
    assert_eq!(read, 8);
    assert_eq!(
        u64::from_ne_bytes(bytes[..8].try_into().expect("8 bytes")),
        1 << 32 | last
    );
    memory.read_at(&mut bytes, end).must_fail(EIO);
}

fn proc_mem_cannot_write_the_status_part() {
    let pfn = Pfn::open();
    pfn.map_status(place(0), 0, STATUS_PAGES).must();
    let memory = own_memory();
    for number in [0, 1, STATUS_PAGES - 1] {
        let addr = (place(0) + number * page()) as u64;
        memory.write_at(&[9; 64], addr).must_fail(EIO);
    }
    pattern(place(0), 0, STATUS_PAGES);
}

fn proc_mem_writes_the_data_part_or_refuses() {
    let pfn = Pfn::open();
    pfn.map_data(place(0), 0, 4).must();
    mark(place(0), 0, 4, 1);
    let addr = place(0) + page() + 64;
    let value = 0x0123_4567_89ab_cdef_u64;
    let written = own_memory().write_at(&value.to_ne_bytes(), addr as u64);
    match written.unless(&[EIO]) {
        Some(written) => assert_eq!((written, word(addr)), (8, value)),
        None => assert_eq!(word(addr), (DATA + 1) << 32 | 8),
    }
    assert_eq!(word(addr - 8), (DATA + 1) << 32 | 7);
    assert_eq!(word(addr + 8), (DATA + 1) << 32 | 9);
    marked(place(0), 0, 4, 1);
}

/// The same memory is also mapped for writing: that is its own permission.
fn proc_mem_cannot_write_read_only_part() {
    let pfn = Pfn::open();
    pfn.map_data_read_only(place(0), 0, 4).must();
    pfn.map_data(place(1), 0, 4).must();
    mark(place(1), 0, 4, 1);
    let memory = own_memory();
    for number in 0..4 {
        let addr = (place(0) + number * page()) as u64;
        memory.write_at(&[9; 64], addr).must_fail(EIO);
    }
    marked(place(1), 0, 4, 1);

    let addr = (place(1) + page()) as u64;
    let value = 0x0123_4567_89ab_cdef_u64.to_ne_bytes();
    memory.write_at(&value, addr).must_give(8);
    assert_eq!(
        u64::from_ne_bytes(value),
        read(&memory, place(0) + page())[0]
    );
}

/// The kernel's buffer has other bytes before: those of a write that was refused.
fn partial_read_leaves_the_rest_alone() {
    const POISON: u8 = 0x6b;
    let pfn = Pfn::open();
    pfn.map_data_read_only(place(0), 0, 2).must();
    let memory = own_memory();
    let end = (place(0) + 2 * page()) as u64;
    for _ in 0..64 {
        memory
            .write_at(&vec![POISON; page()], place(0) as u64)
            .must_fail(EIO);
        let mut bytes = vec![1; page()];
        let read = memory.read_at(&mut bytes, end - 8).must();
        assert_eq!(read, 8);
        assert!(bytes[8..].iter().all(|&byte| byte == 1));
        let last = page() as u64 / 8 - 1;
        assert_eq!(
            u64::from_ne_bytes(bytes[..8].try_into().expect("8 bytes")),
            (DATA + 1) << 32 | last
        );

        // The driver gives 256 bytes of these, and is asked for the others, an odd number.
        let mut bytes = vec![1; 1000];
        memory.read_exact_at(&mut bytes, end - 1000).must();
        let words = bytes.chunks_exact(8);
        let got = words.map(|word| u64::from_ne_bytes(word.try_into().expect("8 bytes")));
        let wanted = (page() as u64 - 1000) / 8..page() as u64 / 8;
        assert!(got.eq(wanted.map(|word| (DATA + 1) << 32 | word)));
    }
}

fn process_vm_readv_is_efault() {
    let _pfn = mapped_pfn(4, 4);
    mark(place(0), 0, 4, 1);
    for at in [place(0), place(1)] {
        process::read_own_memory(at, &mut [0; 64]).must_fail(EFAULT);
    }
}

fn write_and_read_system_calls_work() {
    let _pfn = mapped_pfn(4, 4);
    let bytes = some_bytes(2 * page() + 5);
    put(place(0) + 3, &bytes);
    holds(place(0) + 3, &bytes);
    let got = get(place(1), 8 * 3);
    assert_eq!(&got[8..16], &1_u64.to_ne_bytes()[..]);
    let file = sys::memfd(c"bytes").must();
    file.write_all_at(&bytes, 0).must();
    vma_guest::sys::read_to(&file, place(1), 64).must_fail(EFAULT);
    pattern(place(1), 0, 4);
}
