// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma-pfn`.

use super::Node;
use crate::abi::pfn::{self as abi, IOC_TYPE};
use crate::check::{Must, vmas_of};
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

stats!(Pfn, STATS, pieces, pages, made, dropped, faults);
vmas!(Pfn);

impl Pfn {
    /// A piece of memory.
    #[track_caller]
    pub fn open() -> Self {
        let file = NODE.open().must();
        Self { file }
    }

    /// Unmaps the pages of all mappings.
    pub fn revoke(&self) -> Result<()> {
        sys::ioctl_at(&self.file, REVOKE, 0)
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
