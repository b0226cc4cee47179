// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma-bar` and `/dev/rust-vma-bar-dma`.

use super::Node;
use crate::abi::bar::{self as abi, IOC_TYPE};
use crate::check::Must;
use crate::sys;
use libc::{PROT_READ, PROT_WRITE};
use std::fs::File;
use std::io::Result;

/// The device.
pub const NODE: Node = Node {
    path: "/dev/rust-vma-bar",
    option: "CONFIG_SAMPLE_RUST_VMA_BAR",
};

/// The device with DMA memory.
pub const DMA_NODE: Node = Node {
    path: "/dev/rust-vma-bar-dma",
    option: "CONFIG_SAMPLE_RUST_VMA_BAR",
};

/// The size of the DMA memory, in pages.
pub const DMA_PAGES: usize = abi::DMA_PAGES;

/// The pages of a buffer of the ring, and of all its buffers. It is mapped after the DMA memory.
pub const BUFFER_PAGES: usize = abi::BUFFER_PAGES;
pub const RING_PAGES: usize = abi::RING_BUFFERS * BUFFER_PAGES;

/// The name of the driver.
pub const DRIVER: &str = "rust_vma_bar";

/// Numbers of ioctls.
pub const SUSPEND: u32 = sys::encode_io(IOC_TYPE, abi::SUSPEND_NR);
pub const RESUME: u32 = sys::encode_io(IOC_TYPE, abi::RESUME_NR);
pub const LOAD: u32 = sys::encode_iowr::<abi::Word>(IOC_TYPE, abi::LOAD_NR);
pub const STORE: u32 = sys::encode_iowr::<abi::Word>(IOC_TYPE, abi::STORE_NR);
pub const STATS: u32 = sys::encode_ior::<abi::Stats>(IOC_TYPE, abi::STATS_NR);

/// An open file: the memory of the device that was bound then.
pub struct Bar {
    pub file: File,
}

/// The driver's report on its device.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    pub pages: u64,
    pub first_word: u64,
    pub faults: u64,
    pub huge_faults: u64,
}

impl Bar {
    #[track_caller]
    pub fn open() -> Self {
        let file = NODE.open().must();
        Self { file }
    }

    #[track_caller]
    pub fn stats(&self) -> Stats {
        let mut words: abi::Stats = [0; 4];
        sys::ioctl_words(&self.file, STATS, &mut words).must();
        let [pages, first_word, faults, huge_faults] = words;
        Stats {
            pages,
            first_word,
            faults,
            huge_faults,
        }
    }

    pub fn suspend(&self) -> Result<()> {
        sys::ioctl_at(&self.file, SUSPEND, 0)
    }

    pub fn resume(&self) -> Result<()> {
        sys::ioctl_at(&self.file, RESUME, 0)
    }

    /// Maps pages of the memory, shared.
    pub fn map(&self, at: usize, first: u64, pages: usize) -> Result<()> {
        super::map_shared(&self.file, at, first, pages, PROT_READ | PROT_WRITE)
    }
}

/// An open file: the DMA memory of the device that was bound then.
pub struct Dma {
    pub file: File,
}

impl Dma {
    #[track_caller]
    pub fn open() -> Self {
        let file = DMA_NODE.open().must();
        Self { file }
    }

    /// Reads a word as the driver does.
    pub fn load(&self, index: usize) -> Result<u64> {
        let mut word: abi::Word = [index as u64, u64::MAX];
        sys::ioctl_words(&self.file, LOAD, &mut word)?;
        Ok(word[1])
    }

    /// Writes a word as the driver does.
    pub fn store(&self, index: usize, value: u64) -> Result<()> {
        let mut word: abi::Word = [index as u64, value];
        sys::ioctl_words(&self.file, STORE, &mut word)
    }

    /// Maps pages of the memory, shared.
    pub fn map(&self, at: usize, first: u64, pages: usize) -> Result<()> {
        super::map_shared(&self.file, at, first, pages, PROT_READ | PROT_WRITE)
    }

    /// Maps pages of the ring, shared.
    pub fn map_ring(&self, at: usize, first: u64, pages: usize) -> Result<()> {
        self.map(at, abi::RING_FIRST as u64 + first, pages)
    }
}
