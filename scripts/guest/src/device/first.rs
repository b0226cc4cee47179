// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma-first`.

use super::Node;
use crate::abi::first::{IOC_TYPE, STATS_NR, Stats};
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
pub fn stats(file: &File) -> Stats {
    super::stats(file, STATS)
}
