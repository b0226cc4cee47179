// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma-userptr`.

use super::Node;
use crate::abi::userptr::{self as abi, IOC_TYPE, Request, how};
use crate::check::Must;
use crate::sys;
use std::fs::File;
use std::io::Result;

/// The device.
pub const NODE: Node = Node {
    path: "/dev/rust-vma-userptr",
    option: "CONFIG_SAMPLE_RUST_VMA_USERPTR",
};

/// Numbers of ioctls.
pub const SUM: u32 = sys::encode_iowr::<Request>(IOC_TYPE, abi::SUM_NR);
pub const FILL: u32 = sys::encode_iowr::<Request>(IOC_TYPE, abi::FILL_NR);
pub const REGISTER: u32 = sys::encode_iowr::<Request>(IOC_TYPE, abi::REGISTER_NR);
pub const UNREGISTER: u32 = sys::encode_iowr::<Request>(IOC_TYPE, abi::UNREGISTER_NR);
pub const SUM_REGISTERED: u32 = sys::encode_iowr::<Request>(IOC_TYPE, abi::SUM_REGISTERED_NR);
pub const FILL_REGISTERED: u32 = sys::encode_iowr::<Request>(IOC_TYPE, abi::FILL_REGISTERED_NR);
pub const MIRROR: u32 = sys::encode_iowr::<Request>(IOC_TYPE, abi::MIRROR_NR);
pub const UNMIRROR: u32 = sys::encode_iowr::<Request>(IOC_TYPE, abi::UNMIRROR_NR);
pub const SUM_MIRRORED: u32 = sys::encode_iowr::<Request>(IOC_TYPE, abi::SUM_MIRRORED_NR);
pub const KNOWN: u32 = sys::encode_iowr::<Request>(IOC_TYPE, abi::KNOWN_NR);
pub const STATS: u32 = sys::encode_ior::<abi::Stats>(IOC_TYPE, abi::STATS_NR);

/// A way to pin, and its name in messages.
#[derive(Clone, Copy)]
pub struct Way {
    pub number: u64,
    pub name: &'static str,
}

const fn way(number: u64, name: &'static str) -> Way {
    Way { number, name }
}

pub const FAST: Way = way(how::FAST, "fast");
pub const LOCKED: Way = way(how::LOCKED, "locked");
pub const LONG_TERM: Way = way(how::LONG_TERM, "long-term");

/// All ways to pin.
pub const WAYS: [Way; 3] = [FAST, LOCKED, LONG_TERM];

/// An open file, which can keep memory pinned.
pub struct Userptr {
    pub file: File,
}

stats!(Userptr, STATS, files, pinned_now, pinned, unpinned);

impl Userptr {
    /// A file without memory.
    #[track_caller]
    pub fn open() -> Self {
        let file = NODE.open().must();
        Self { file }
    }

    /// Makes a request. Returns the sum.
    pub fn request(&self, number: u32, request: Request) -> Result<u64> {
        let mut words = request;
        sys::ioctl_words(&self.file, number, &mut words)?;
        let [a, b, c, d, sum, zero] = words;
        let [ra, rb, rc, rd, ..] = request;
        assert_eq!(
            [a, b, c, d, zero],
            [ra, rb, rc, rd, 0],
            "the request came back changed"
        );
        Ok(sum)
    }

    /// Sums up bytes.
    pub fn sum(&self, addr: usize, len: usize, way: Way) -> Result<u64> {
        self.request(SUM, [addr as u64, len as u64, way.number, 0, 0, 0])
    }

    /// Fills memory.
    pub fn fill(&self, addr: usize, len: usize, byte: u8, way: Way) -> Result<()> {
        let words = [addr as u64, len as u64, way.number, byte.into(), 0, 0];
        self.request(FILL, words).map(drop)
    }

    /// Pins memory and keeps it.
    pub fn register(&self, addr: usize, len: usize) -> Result<()> {
        self.request(REGISTER, [addr as u64, len as u64, 0, 0, 0, 0])
            .map(drop)
    }

    /// Unpins it.
    pub fn unregister(&self) -> Result<()> {
        self.request(UNREGISTER, [0; 6]).map(drop)
    }

    /// Sums up the bytes of what is kept.
    pub fn sum_registered(&self) -> Result<u64> {
        self.request(SUM_REGISTERED, [0; 6])
    }

    /// Fills what is kept.
    pub fn fill_registered(&self, byte: u8) -> Result<()> {
        self.request(FILL_REGISTERED, [0, 0, 0, byte.into(), 0, 0])
            .map(drop)
    }

    /// Mirrors memory.
    pub fn mirror(&self, addr: usize, len: usize) -> Result<()> {
        self.request(MIRROR, [addr as u64, len as u64, 0, 0, 0, 0])
            .map(drop)
    }

    /// Ends that.
    pub fn unmirror(&self) -> Result<()> {
        self.request(UNMIRROR, [0; 6]).map(drop)
    }

    /// Sums up the bytes of what is mirrored.
    pub fn sum_mirrored(&self) -> Result<u64> {
        self.request(SUM_MIRRORED, [0; 6])
    }

    /// Returns the number of pages that the mirror knows.
    pub fn known(&self) -> Result<u64> {
        self.request(KNOWN, [0; 6])
    }
}
