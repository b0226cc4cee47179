// SPDX-License-Identifier: GPL-2.0

//! The first sample: pages that all mappings of a file share.

use super::*;
use vma_guest::device::first::{self, PAGES};

suite! {
    "first":
    mappings_of_a_file_share_its_pages, page_past_the_end_is_no_memory,
    refuses_private_mapping_and_unknown_ioctl,
}

fn open() -> File {
    first::NODE.open().must()
}

fn map(file: &File, at: usize, pages: usize) {
    device::map_shared(file, at, 0, pages, RW).must();
}

fn mappings_of_a_file_share_its_pages() {
    let (file, other) = (open(), open());
        map(&file, place(0), PAGES);
    map(&file, place(1), PAGES);
    map(&other, place(2), PAGES);
    for number in 0..PAGES {
        set_word(place(0) + number * page(), 1 + number as u64);
        assert_eq!(word(place(1) + number * page()), 1 + number as u64);
        assert_eq!(word(place(2) + number * page()), 0);
    }
    let stats = first::stats(&file);
    assert_eq!(stats, [PAGES as u64, 2 * PAGES as u64]);
    drop(file);
    assert_eq!(word(place(1)), 1);
}

fn page_past_the_end_is_no_memory() {
    let file = open();
    map(&file, place(0), PAGES + 1);
    let target = sys::memfd(c"first").must();
    let past = place(0) + PAGES * page();
    let copied = memory::write_from(target.as_raw_fd(), past, 8);
    assert_eq!(copied.unwrap_err().raw_os_error(), Some(EFAULT));
    assert_eq!(word(place(0)), 0);
}

fn refuses_private_mapping_and_unknown_ioctl() {
    let file = open();
    let private = device::map(&file, place(0), 0, 1, RW, MAP_PRIVATE);
    assert_eq!(private.unwrap_err().raw_os_error(), Some(EINVAL));
    let unknown = sys::ioctl_words(&file, first::STATS + 1, &mut [0; 2]);
    assert_eq!(unknown.unwrap_err().raw_os_error(), Some(ENOTTY));
}
