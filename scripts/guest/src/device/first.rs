// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma-first`.

use super::Node;
use crate::abi::first::{IOC_TYPE, STATS_NR, Stats};
use crate::check::Must;
use crate::sys;
use std::fs::File;

/// The device.
pub const NODE: Node = Node {
    path: "/dev/rust-vma-first",
    option: "CONFIG_SAMPLE_RUST_VMA_FIRST",
};

/// The number of the ioctl.
pub const STATS: u32 = sys::encode_ior::<Stats>(IOC_TYPE, STATS_NR);

/// The size of a file's memory.
pub const PAGES: usize = 4;

/// Returns the size of a file's memory and the faults on it.
#[track_caller]
pub fn stats(file: &File) -> Stats {
    // The driver must write all words.
    let mut stats = [u64::MAX; 2];
    sys::ioctl_words(file, STATS, &mut stats).must();
    stats
}
