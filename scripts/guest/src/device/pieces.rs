// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma-pieces`.

use super::Node;
use crate::abi::pieces::{self as abi, IOC_TYPE};
use crate::check::Must;
use crate::sys;
use libc::{PROT_READ, PROT_WRITE};
use std::fs::File;
use std::io::Result;

/// The device.
pub const NODE: Node = Node {
    path: "/dev/rust-vma-pieces",
    option: "CONFIG_SAMPLE_RUST_VMA_PIECES",
};

/// Numbers of ioctls.
pub const PUT: u32 = sys::encode_io(IOC_TYPE, abi::PUT_NR);
pub const DUMMY: u32 = sys::encode_io(IOC_TYPE, abi::DUMMY_NR);
pub const TAKE: u32 = sys::encode_io(IOC_TYPE, abi::TAKE_NR);
pub const STATS: u32 = sys::encode_ior::<abi::Stats>(IOC_TYPE, abi::STATS_NR);

/// The pages of the buffer, of which the last ones are one, and how many these are.
pub const BUFFER_PAGES: usize = abi::BUFFER_PAGES as usize;
pub const DUMMY_PAGES: usize = abi::DUMMY_PAGES as usize;

/// The number of slots, and the pages of each.
pub const SLOTS: usize = abi::SLOTS as usize;
pub const SLOT_PAGES: usize = abi::SLOT_PAGES as usize;

/// An open file: a buffer, and slots.
pub struct Pieces {
    pub file: File,
}

stats!(Pieces, STATS, regions, made, dropped, faults);

impl Stats {
    /// Returns how many VMAs there are.
    pub fn vmas(&self) -> i64 {
        self.made.wrapping_sub(self.dropped) as i64
    }
}

impl Pieces {
    #[track_caller]
    pub fn open() -> Self {
        let file = NODE.open().must();
        Self { file }
    }

    /// Maps pages of the buffer.
    pub fn map_buffer(&self, at: usize, first: usize, pages: usize) -> Result<()> {
        super::map_shared(&self.file, at, first as u64, pages, PROT_READ | PROT_WRITE)
    }

    /// Maps pages of the slots, counted from the first slot on.
    pub fn map_slots(&self, at: usize, first: usize, pages: usize) -> Result<()> {
        self.map_buffer(at, BUFFER_PAGES + first, pages)
    }

    /// Makes a call for a slot.
    pub fn slot(&self, call: u32, slot: usize) -> Result<()> {
        sys::ioctl_at(&self.file, call, slot)
    }
}
