// SPDX-License-Identifier: GPL-2.0

//! The first sample: pages that all mappings of a file share.

use crate::check::done;
use crate::device::first::{self, PAGES};
use std::fs::File;
use std::os::fd::AsRawFd;
use vma_guest::runner::Test;
use vma_guest::sys::memory::{self, place, set_word, word};
use vma_guest::{device, sys};

pub const TESTS: &[Test] = &[
    Test {
        name: "first: mappings of a file share its pages, and files do not",
        run: mappings_of_a_file_share_its_pages,
    },
    Test {
        name: "first: page past the end is no memory",
        run: page_past_the_end_is_no_memory,
    },
    Test {
        name: "first: private mapping and unknown ioctl are refused",
        run: private_mapping_and_unknown_ioctl_are_refused,
    },
];

const RW: i32 = libc::PROT_READ | libc::PROT_WRITE;

fn open() -> File {
    done("open", first::NODE.open())
}

fn map(file: &File, at: usize, pages: usize) {
    done("mmap", device::map_shared(file, at, 0, pages, RW));
}

fn mappings_of_a_file_share_its_pages() {
    let (file, other) = (open(), open());
    let page = sys::page_size();
    map(&file, place(0), PAGES);
    map(&file, place(1), PAGES);
    map(&other, place(2), PAGES);
    for number in 0..PAGES {
        set_word(place(0) + number * page, 1 + number as u64);
        assert_eq!(word(place(1) + number * page), 1 + number as u64);
        assert_eq!(word(place(2) + number * page), 0);
    }
    let stats = done("ioctl", first::stats(&file));
    assert_eq!(stats, [PAGES as u64, 2 * PAGES as u64]);
    drop(file);
    assert_eq!(word(place(1)), 1);
}

fn page_past_the_end_is_no_memory() {
    let file = open();
    map(&file, place(0), PAGES + 1);
    let target = done("memfd", sys::memfd(c"first"));
    let past = place(0) + PAGES * sys::page_size();
    let copied = memory::write_from(target.as_raw_fd(), past, 8);
    assert_eq!(copied.unwrap_err().raw_os_error(), Some(libc::EFAULT));
    assert_eq!(word(place(0)), 0);
}

fn private_mapping_and_unknown_ioctl_are_refused() {
    let file = open();
    let private = device::map(&file, place(0), 0, 1, RW, libc::MAP_PRIVATE);
    assert_eq!(private.unwrap_err().raw_os_error(), Some(libc::EINVAL));
    let unknown = sys::ioctl_words(&file, first::STATS + 1, &mut [0; 2]);
    assert_eq!(unknown.unwrap_err().raw_os_error(), Some(libc::ENOTTY));
}
