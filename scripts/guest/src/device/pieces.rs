// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma-pieces`.

use super::Node;
use crate::abi::pieces::{self as abi, IOC_TYPE};
use crate::check::Must;
use crate::sys;
use libc::{PROT_READ, PROT_WRITE};
use std::fs::File;
use std::io::Result;
use std::os::fd::AsRawFd;

/// The device.
pub const NODE: Node = Node {
    path: "/dev/rust-vma-pieces",
    option: "CONFIG_SAMPLE_RUST_VMA_PIECES",
};

/// Numbers of ioctls.
pub const PUT: u32 = sys::encode_io(IOC_TYPE, abi::PUT_NR);
pub const DUMMY: u32 = sys::encode_io(IOC_TYPE, abi::DUMMY_NR);
pub const TAKE: u32 = sys::encode_io(IOC_TYPE, abi::TAKE_NR);
pub const MEMFD: u32 = sys::encode_iow::<abi::Ranges>(IOC_TYPE, abi::MEMFD_NR);
pub const STATS: u32 = sys::encode_ior::<abi::Stats>(IOC_TYPE, abi::STATS_NR);

/// The pages of the buffer, of which the last ones are one, and how many these are.
pub const BUFFER_PAGES: usize = abi::BUFFER_PAGES as usize;
pub const DUMMY_PAGES: usize = abi::DUMMY_PAGES as usize;

/// The number of slots, and the pages of each.
pub const SLOTS: usize = abi::SLOTS as usize;
pub const SLOT_PAGES: usize = abi::SLOT_PAGES as usize;

/// The most pages of memfds, and the most ranges that they are of.
pub const MEMFD_PAGES: usize = abi::MEMFD_PAGES as usize;
pub const MEMFD_RANGES: usize = abi::MEMFD_RANGES;

/// An open file: a buffer, slots, and pages of memfds.
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

    /// Pins ranges of memfds: the first page, and how many.
    pub fn pin(&self, ranges: &[(&File, usize, usize)]) -> Result<()> {
        let mut words: abi::Ranges = [0; 2 * MEMFD_RANGES];
        for (words, (file, first, pages)) in words.chunks_exact_mut(2).zip(ranges) {
            // The halves of the first word are the descriptor and the number of pages.
            let halves = [file.as_raw_fd() as u32, *pages as u32].map(u32::to_ne_bytes);
            words[0] = u64::from_ne_bytes(halves.as_flattened().try_into().expect("eight bytes"));
            words[1] = *first as u64;
        }
        sys::ioctl_words(&self.file, MEMFD, &mut words)
    }

    /// Maps pages of the memfds that were pinned last.
    pub fn map_memfds(&self, at: usize, first: usize, pages: usize) -> Result<()> {
        self.map_buffer(at, abi::MEMFD_FIRST as usize + first, pages)
    }

    /// Makes a call for a slot.
    pub fn slot(&self, call: u32, slot: usize) -> Result<()> {
        sys::ioctl_at(&self.file, call, slot)
    }
}
