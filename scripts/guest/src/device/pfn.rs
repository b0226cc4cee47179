// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma-pfn`.

use super::Node;
use crate::abi::pfn::{self as abi, IOC_TYPE};
use crate::check::{done, vmas_of};
use crate::sys;
use libc::{PROT_READ, PROT_WRITE};
use std::fs::File;
use std::io::Result;

/// The device.
pub const NODE: Node = Node {
    path: "/dev/rust-vma-pfn",
    option: "CONFIG_SAMPLE_RUST_VMA_PFN",
};

/// Numbers of ioctls.
pub const REVOKE: u32 = sys::encode_io(IOC_TYPE, abi::REVOKE_NR);
pub const STATS: u32 = sys::encode_ior::<abi::Stats>(IOC_TYPE, abi::STATS_NR);

/// The first page of the part that can be written, and how many it has.
pub const DATA: u64 = abi::STATUS_PAGES;
pub const DATA_PAGES: usize = (abi::PAGES - abi::STATUS_PAGES) as usize;

/// The pages of the part that can only be read.
pub const STATUS_PAGES: usize = abi::STATUS_PAGES as usize;

/// An open file: a piece of memory.
pub struct Pfn {
    pub file: File,
}

/// The driver's counters.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    pub pieces: u64,
    pub pages: u64,
    pub made: u64,
    pub dropped: u64,
    pub faults: u64,
}

impl Stats {
    /// How many VMAs there are. Fewer than none, if one was counted as dropped twice.
    pub fn vmas(&self) -> i64 {
        self.made.wrapping_sub(self.dropped) as i64
    }
}

impl Pfn {
    /// A piece of memory.
    #[track_caller]
    pub fn open() -> Self {
        let file = done("open", NODE.open());
        Self { file }
    }

    /// Unmaps the pages of all mappings.
    pub fn revoke(&self) -> Result<()> {
        sys::ioctl_at(&self.file, REVOKE, 0)
    }

    /// The driver must count as many VMAs as this process has, which alone maps this memory.
    #[track_caller]
    pub fn vmas_fit(&self) {
        assert_eq!(self.stats().vmas(), vmas_of(&NODE) as i64);
    }

    /// As [`Self::vmas_fit()`], and there must be so many.
    #[track_caller]
    pub fn has_vmas(&self, number: u64) {
        assert_eq!(vmas_of(&NODE), number);
        self.vmas_fit();
    }

    /// The driver's counters, of all pieces of memory.
    #[track_caller]
    pub fn stats(&self) -> Stats {
        let [pieces, pages, made, dropped, faults, zero] = super::stats(&self.file, STATS);
        assert_eq!(zero, 0, "the last word of the counters");
        Stats {
            pieces,
            pages,
            made,
            dropped,
            faults,
        }
    }

    /// Maps pages of the part that can be written, counted from its start.
    pub fn map_data(&self, at: usize, first: u64, pages: usize) -> Result<()> {
        super::map_shared(&self.file, at, DATA + first, pages, PROT_READ | PROT_WRITE)
    }

    /// Maps pages of the part that can be written, counted from its start, for reading.
    pub fn map_data_read_only(&self, at: usize, first: u64, pages: usize) -> Result<()> {
        super::map_shared(&self.file, at, DATA + first, pages, PROT_READ)
    }

    /// Maps pages of the part that can only be read.
    pub fn map_status(&self, at: usize, first: u64, pages: usize) -> Result<()> {
        super::map_shared(&self.file, at, first, pages, PROT_READ)
    }
}
