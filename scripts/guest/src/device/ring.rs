// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma-ring`.

use super::Node;
use crate::abi::ring::{self as abi, Completion, IOC_TYPE, Memory, Request};
use crate::check::Must;
use crate::sys;
use crate::sys::memory::{load_acquire, set_word, store_release, word};
use libc::{PROT_READ, PROT_WRITE};
use std::fs::File;
use std::io::Result;

/// Kinds of requests.
pub const NOP: u64 = abi::NOP;
pub const READ: u64 = abi::READ;
pub const WRITE: u64 = abi::WRITE;

/// The size of a block, in bytes, and their number.
pub const BLOCK: usize = abi::BLOCK;
pub const BLOCKS: usize = abi::BLOCKS;

/// The number of entries of each ring.
pub const REQUESTS: u32 = abi::REQUESTS;
pub const COMPLETIONS: u32 = abi::COMPLETIONS;

/// The size of the rings.
pub const PAGES: usize = abi::PAGES;

/// The device.
pub const NODE: Node = Node {
    path: "/dev/rust-vma-ring",
    option: "CONFIG_SAMPLE_RUST_VMA_RING",
};

/// Numbers of ioctls.
pub const ENTER: u32 = sys::encode_io(IOC_TYPE, abi::ENTER_NR);
pub const REGISTER: u32 = sys::encode_iow::<Memory>(IOC_TYPE, abi::REGISTER_NR);
pub const UNREGISTER: u32 = sys::encode_io(IOC_TYPE, abi::UNREGISTER_NR);

/// An open file, and where its rings are mapped.
pub struct Ring {
    pub file: File,
    at: usize,
}

impl Ring {
    /// A new file, whose rings are mapped at a place.
    #[track_caller]
    pub fn mapped(at: usize) -> Self {
        let file = NODE.open().must();
        let ring = Self { file, at };
        ring.map(at, 0, PAGES).must();
        ring
    }

    /// Maps pages of the rings, shared.
    pub fn map(&self, at: usize, first: u64, pages: usize) -> Result<()> {
        super::map_shared(&self.file, at, first, pages, PROT_READ | PROT_WRITE)
    }

    pub fn register(&self, addr: usize, len: usize) -> Result<()> {
        let mut memory: Memory = [addr as u64, len as u64];
        sys::ioctl_words(&self.file, REGISTER, &mut memory)
    }

    pub fn unregister(&self) -> Result<()> {
        sys::ioctl_at(&self.file, UNREGISTER, 0)
    }

    /// Writes a request into the ring, if there is room.
    pub fn submit(&self, request: Request) -> bool {
        let tail = load_acquire(self.at + abi::REQUEST_TAIL);
        let head = load_acquire(self.at + abi::REQUEST_HEAD);
        if tail.wrapping_sub(head) >= REQUESTS {
            return false;
        }
        let slot = (tail % REQUESTS) as usize;
        let at = self.at + abi::FIRST_REQUEST + slot * size_of::<Request>();
        for (number, value) in request.into_iter().enumerate() {
            set_word(at + 8 * number, value);
        }
        self.set_tail(tail.wrapping_add(1));
        true
    }

    /// Says how many requests there were.
    pub fn set_tail(&self, tail: u32) {
        store_release(self.at + abi::REQUEST_TAIL, tail);
    }

    /// Returns how many the driver has taken.
    pub fn head(&self) -> u32 {
        load_acquire(self.at + abi::REQUEST_HEAD)
    }

    /// Says how many completions were read.
    pub fn set_completion_head(&self, head: u32) {
        store_release(self.at + abi::COMPLETION_HEAD, head);
    }

    /// Has the driver do requests, and waits for completions. Returns how many it took.
    pub fn enter(&self, wanted: usize) -> Result<usize> {
        sys::ioctl_on(&self.file, ENTER, wanted)
    }

    /// Takes a completion off the ring: the cookie and the result.
    pub fn complete(&self) -> Option<(u64, i64)> {
        let tail = load_acquire(self.at + abi::COMPLETION_TAIL);
        let head = load_acquire(self.at + abi::COMPLETION_HEAD);
        if head == tail {
            return None;
        }
        let slot = (head % COMPLETIONS) as usize;
        let at = self.at + abi::FIRST_COMPLETION + slot * size_of::<Completion>();
        let completion = (word(at), word(at + 8) as i64);
        self.set_completion_head(head.wrapping_add(1));
        Some(completion)
    }

    /// Has the driver do a request, and returns its result.
    #[track_caller]
    pub fn result_of(&self, request: Request) -> i64 {
        assert!(self.submit(request), "no room");
        self.enter(1).must_give(1);
        let (cookie, result) = self.complete().expect("no completion");
        assert_eq!(cookie, request[1]);
        result
    }
}
