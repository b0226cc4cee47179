// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma-buffer`.

use super::Node;
use crate::abi::buffer::{self as abi, IOC_TYPE, Request};
use crate::check::{done, vmas_of};
use crate::sys;
use libc::{PROT_READ, PROT_WRITE};
use std::fs::File;
use std::io::Result;

/// The device.
pub const NODE: Node = Node {
    path: "/dev/rust-vma-buffer",
    option: "CONFIG_SAMPLE_RUST_VMA_BUFFER",
};

/// Numbers of ioctls.
pub const SET_SIZE: u32 = sys::encode_iowr::<Request>(IOC_TYPE, abi::SET_SIZE_NR);
pub const POPULATE: u32 = sys::encode_iowr::<Request>(IOC_TYPE, abi::POPULATE_NR);
pub const DISCARD: u32 = sys::encode_iowr::<Request>(IOC_TYPE, abi::DISCARD_NR);
pub const RECLAIM: u32 = sys::encode_iowr::<Request>(IOC_TYPE, abi::RECLAIM_NR);
pub const STATS: u32 = sys::encode_ior::<abi::Stats>(IOC_TYPE, abi::STATS_NR);

/// How often reclaiming may fail because a lock is taken.
const RECLAIM_TRIES: usize = 1000;

/// An open file: a buffer.
pub struct Buffer {
    pub file: File,
}

/// The driver's counters.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    pub buffers: u64,
    pub pages: u64,
    pub made: u64,
    pub dropped: u64,
    pub faults: u64,
    pub reclaimed: u64,
}

impl Stats {
    /// How many VMAs there are. Fewer than none, if one was counted as dropped twice.
    pub fn vmas(&self) -> i64 {
        self.made.wrapping_sub(self.dropped) as i64
    }
}

impl Buffer {
    /// A buffer without a size.
    pub fn open() -> Result<Self> {
        let file = NODE.open()?;
        Ok(Self { file })
    }

    /// A buffer.
    #[track_caller]
    pub fn of_pages(pages: usize) -> Self {
        let buffer = done("open", Self::open());
        done(
            "setting the size",
            buffer.request(SET_SIZE, [pages as u64, 0, 0, 0]),
        );
        buffer
    }

    /// Makes a request. Returns how many pages were changed.
    pub fn request(&self, number: u32, request: Request) -> Result<u64> {
        let mut words = request;
        sys::ioctl_words(&self.file, number, &mut words)?;
        let [first, pages, changed, zero] = words;
        let back = [first, pages, zero];
        assert_eq!(
            back,
            [request[0], request[1], 0],
            "the request came back changed"
        );
        Ok(changed)
    }

    /// Inserts pages into the last mapping. Returns how many there were to insert.
    pub fn populate(&self, first: u64, pages: u64) -> Result<u64> {
        self.request(POPULATE, [first, pages, 0, 0])
    }

    /// Gives up contents. Returns how many pages had some.
    pub fn discard(&self, first: u64, pages: u64) -> Result<u64> {
        self.request(DISCARD, [first, pages, 0, 0])
    }

    /// Takes back discarded pages.
    pub fn reclaim(&self, pages: u64) -> Result<u64> {
        self.request(RECLAIM, [pages, 0, 0, 0])
    }

    /// Takes back discarded pages, trying again while a lock is taken.
    pub fn reclaim_patiently(&self, pages: u64) -> Result<u64> {
        for _ in 1..RECLAIM_TRIES {
            match self.reclaim(pages) {
                Err(e) if e.raw_os_error() == Some(libc::EAGAIN) => std::thread::yield_now(),
                other => return other,
            }
        }
        self.reclaim(pages)
    }

    /// The driver must count as many VMAs as this process has, which alone maps buffers.
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

    /// The driver's counters, of all buffers.
    #[track_caller]
    pub fn stats(&self) -> Stats {
        let [buffers, pages, made, dropped, faults, reclaimed] = super::stats(&self.file, STATS);
        Stats {
            buffers,
            pages,
            made,
            dropped,
            faults,
            reclaimed,
        }
    }

    /// Maps pages, readable and writable.
    pub fn map(&self, at: usize, first: u64, pages: usize) -> Result<()> {
        super::map_shared(&self.file, at, first, pages, PROT_READ | PROT_WRITE)
    }
}
