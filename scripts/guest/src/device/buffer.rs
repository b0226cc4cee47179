// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma-buffer`.

use super::Node;
use crate::abi::buffer::{self as abi, IOC_TYPE, Request};
use crate::check::{Must, vmas_of};
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

/// The number of attempts at reclaiming while a lock is taken.
const RECLAIM_TRIES: usize = 1000;

/// An open file: a buffer.
pub struct Buffer {
    pub file: File,
}

stats!(
    Buffer, STATS, buffers, pages, made, dropped, faults, reclaimed
);
vmas!(Buffer);

impl Buffer {
    /// A buffer without a size.
    pub fn open() -> Result<Self> {
        let file = NODE.open()?;
        Ok(Self { file })
    }

    /// A buffer.
    #[track_caller]
    pub fn of_pages(pages: usize) -> Self {
        let buffer = Self::open().must();
        buffer.request(SET_SIZE, [pages as u64, 0, 0, 0]).must();
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

    /// Maps pages, readable and writable.
    pub fn map(&self, at: usize, first: u64, pages: usize) -> Result<()> {
        super::map_shared(&self.file, at, first, pages, PROT_READ | PROT_WRITE)
    }
}
