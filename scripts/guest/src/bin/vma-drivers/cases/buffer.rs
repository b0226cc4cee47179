// SPDX-License-Identifier: GPL-2.0

//! Contents of a buffer, and their visibility.

use super::*;
use vma_guest::device::buffer::NODE;

suite! {
    "buffer":
    new_pages_read_as_zero, pwrite_and_stores_show_on_both_sides, pread_and_pwrite_stop_at_the_end,
    pread_of_untouched_pages_reads_zero, two_mappings_see_each_other,
    partial_mapping_shows_its_pages, two_files_are_two_buffers, read_only_file_maps_read_only,
    mapping_outlives_the_closed_file, counts_pages_and_faults, maps_the_largest_size,
    populate_avoids_faults, populate_uses_the_last_mapping, madv_dontneed_keeps_contents,
    proc_mem_and_process_vm_readv_read_it, proc_mem_cannot_write_a_read_only_mapping,
}

fn new_pages_read_as_zero() {
    let buffer = mapped_buffer(8);
    let at = place(0);
    zero(at, 8);
    mark(at, 0, 8, 1);
    marked(at, 0, 8, 1);
    unmap(at, 8 * page());
    buffer.map(at, 0, 8).must();
    marked(at, 0, 8, 1);
}

fn pwrite_and_stores_show_on_both_sides() {
    let buffer = Buffer::of_pages(4);
    let at = place(0);
    let page = page();
    buffer.map(at, 0, 4).must();

    let bytes = some_bytes(2 * page);
    // Three pages: one before the mapping has it, and after.
    word(at + page);
    let offset = page / 2 + 3;
    buffer
        .file
        .write_at(&bytes, offset as u64)
        .must_give(bytes.len());
    let seen = get(at + offset, bytes.len());
    assert!(seen == bytes);

    set_word(at + 3 * page + 8, 0x0123_4567_89ab_cdef);
    let mut back = [0; 8];
    buffer
        .file
        .read_exact_at(&mut back, 3 * page as u64 + 8)
        .must();
    assert_eq!(u64::from_ne_bytes(back), 0x0123_4567_89ab_cdef);
    let mut all = vec![1; 4 * page];
    buffer.file.read_exact_at(&mut all, 0).must();
    assert!(all[offset..offset + bytes.len()] == bytes);
    assert!(all[..offset].iter().all(|&byte| byte == 0));
}

fn pread_and_pwrite_stop_at_the_end() {
    let buffer = Buffer::of_pages(2);
    let end = 2 * page() as u64;
    let mut bytes = [1; 32];
    for offset in [end, end + 1, end + 4096, 1 << 40] {
        buffer.file.read_at(&mut bytes, offset).must_give(0);
        buffer.file.write_at(&bytes, offset).must_fail(ENOSPC);
    }
    buffer.file.write_at(&[7; 32], end - 16).must_give(16);
    buffer.file.read_at(&mut bytes, end - 16).must_give(16);
    assert_eq!(&bytes[..], &[[7; 16], [1; 16]].concat()[..]);
    buffer.file.read_at(&mut [], 0).must_give(0);
}

fn pread_of_untouched_pages_reads_zero() {
    let buffer = Buffer::of_pages(3);
    let mut bytes = vec![1; 3 * page()];
    buffer.file.read_exact_at(&mut bytes, 0).must();
    assert!(bytes.iter().all(|&byte| byte == 0));
}

fn two_mappings_see_each_other() {
    let buffer = mapped_buffer(8);
    let (one, two) = (place(0), place(1));
    buffer.map(two, 0, 8).must();
    mark(one, 0, 4, 1);
    mark(two + 4 * page(), 4, 4, 1);
    marked(one, 0, 8, 1);
    marked(two, 0, 8, 1);
}

fn partial_mapping_shows_its_pages() {
    let buffer = mapped_buffer(8);
    let (all, some) = (place(0), place(1));
    buffer.map(some, 3, 4).must();
    mark(all, 0, 8, 1);
    marked(some, 3, 4, 1);
    mark(some, 3, 4, 2);
    marked(all, 0, 3, 1);
    marked(all + 3 * page(), 3, 4, 2);
    marked(all + 7 * page(), 7, 1, 1);
}

fn two_files_are_two_buffers() {
    let buffers = [Buffer::of_pages(2), Buffer::of_pages(2)];
    for (number, buffer) in buffers.iter().enumerate() {
        buffer.map(place(number), 0, 2).must();
        mark(place(number), 0, 2, number as u64 + 1);
    }
    marked(place(0), 0, 2, 1);
    marked(place(1), 0, 2, 2);
}

fn read_only_file_maps_read_only() {
    use crate::abi::buffer::Request;
    let file = NODE.open_as(File::options().read(true)).must();
    let mut request: Request = [2, 0, 0, 0];
    vma_guest::sys::ioctl_words(&file, vma_guest::device::buffer::SET_SIZE, &mut request).must();
    let at = place(0);
    vma_guest::device::map_shared(&file, at, 0, 2, PROT_READ).must();
    zero(at, 2);
    dies(SIGSEGV, || set_word(at, 1));
}

fn mapping_outlives_the_closed_file() {
    let counters = Buffer::open().must();
    let before = counters.stats();
    let buffer = mapped_buffer(4);
    mark(place(0), 0, 2, 1);
    drop(buffer);
    marked(place(0), 0, 2, 1);
    mark(place(0) + 2 * page(), 2, 2, 1);
    marked(place(0), 0, 4, 1);
    let mapped = counters.stats();
    assert_eq!(mapped.buffers, before.buffers + 1);
    assert_eq!(mapped.pages, before.pages + 4);
    unmap(place(0), 4 * page());
    let after = counters.stats();
    assert_eq!(after.buffers, before.buffers);
    assert_eq!(after.pages, before.pages);
}

fn counts_pages_and_faults() {
    let buffer = Buffer::of_pages(8);
    let before = buffer.stats();
    buffer.map(place(0), 0, 8).must();
    mark(place(0), 0, 6, 1);
    marked(place(0), 0, 6, 1);
    let after = buffer.stats();
    assert_eq!(after.pages - before.pages, 6);
    assert_eq!(after.faults - before.faults, 6);
    assert_eq!(after.made - before.made, 1);
    assert_eq!(after.dropped - before.dropped, 0);
    unmap(place(0), 8 * page());
    let after = buffer.stats();
    assert_eq!(after.dropped - before.dropped, 1);
    assert_eq!(after.pages - before.pages, 6);
}

fn maps_the_largest_size() {
    let pages = usize::try_from(crate::abi::buffer::MAX_PAGES).expect("a size in memory");
    let buffer = marked_buffer(pages);
    marked(place(0), 0, pages, 1);
    drop(buffer);
    marked(place(0), 0, pages, 1);
}

fn populate_avoids_faults() {
    let buffer = mapped_buffer(8);
    let at = place(0);
    set_word(at + 3 * page(), 5);
    buffer.populate(2, 4).must_give(3);
    buffer.populate(0, 8).must_give(4);
    buffer.populate(0, 8).must_give(0);
    let before = buffer.stats();
    assert_eq!(word(at + 3 * page()), 5);
    mark(at, 0, 8, 1);
    marked(at, 0, 8, 1);
    assert_eq!(buffer.stats().faults, before.faults);
}

fn populate_uses_the_last_mapping() {
    let buffer = Buffer::of_pages(4);
    buffer.populate(0, 4).must_fail(ENXIO);
    buffer.map(place(0), 0, 4).must();
    mark(place(0), 0, 4, 1);
    buffer.map(place(1), 0, 4).must();
    buffer.populate(0, 4).must_give(4);
    unmap(place(1), 4 * page());
    buffer.populate(0, 4).must_fail(ENXIO);
    marked(place(0), 0, 4, 1);
}

fn madv_dontneed_keeps_contents() {
    let buffer = marked_buffer(4);
    let at = place(0);
    let before = buffer.stats();
    advise(at, 3 * page(), MADV_DONTNEED);
    marked(at, 0, 4, 1);
    let after = buffer.stats();
    // The pages exist, so one fault can bring back all of them.
    let faults = after.faults - before.faults;
    assert!(faults <= 3, "{faults} faults for 3 pages");
    assert_eq!(after.pages, before.pages);
}

fn proc_mem_and_process_vm_readv_read_it() {
    let buffer = mapped_buffer(4);
    let (at, page) = (place(0), page());
    let bytes = some_bytes(2 * page);
    put(at + 5, &bytes);
    let mut seen = vec![0; bytes.len()];
    let memory = File::open("/proc/self/mem").must();
    memory.read_exact_at(&mut seen, at as u64 + 5).must();
    assert!(seen == bytes);
    seen.fill(0);
    let read = process::read_own_memory(at + 5, &mut seen).must();
    assert_eq!(read, bytes.len());
    assert!(seen == bytes);

    // The last page is made by such a read.
    let before = buffer.stats().pages;
    memory
        .read_exact_at(&mut seen[..8], (at + 3 * page) as u64)
        .must();
    assert_eq!(&seen[..8], &[0; 8][..]);
    assert_eq!(buffer.stats().pages - before, 1);
}

fn proc_mem_cannot_write_a_read_only_mapping() {
    let buffer = mapped_buffer(2);
    vma_guest::device::map_shared(&buffer.file, place(1), 0, 2, PROT_READ).must();
    mark(place(0), 0, 2, 1);
    let memory = File::options()
        .read(true)
        .write(true)
        .open("/proc/self/mem");
    let memory = memory.must();
    for addr in [place(1), place(1) + page() + 8] {
        memory.write_at(&[9; 8], addr as u64).must_fail(EIO);
    }
    marked(place(0), 0, 2, 1);
    memory.write_all_at(&[9; 8], place(0) as u64 + 8).must();
    assert_eq!(word(place(1) + 8), 0x0909_0909_0909_0909);
}
