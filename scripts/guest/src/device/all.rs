// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma`.

use super::Node;
use crate::abi::all::{self as abi, Describe, IOC_TYPE, Record};
use crate::sys;
use std::fs::File;
use std::io::{Error, Result};
use std::os::unix::fs::FileExt;

/// The device.
pub const NODE: Node = Node {
    path: "/dev/rust-vma",
    option: "CONFIG_SAMPLE_RUST_VMA_DESCRIBE",
};

pub const DESCRIBE: u32 = sys::encode_iowr::<Describe>(IOC_TYPE, abi::DESCRIBE_NR);

/// All ways to lock. The first one may fail with `EAGAIN` whatever is there.
pub const LOCKINGS: [u64; 4] = [
    abi::locking::RCU,
    abi::locking::MMAP,
    abi::locking::HANDED_OVER,
    abi::locking::ANY,
];

/// An open file, which tells about the mappings of who asks.
pub struct All {
    file: File,
}

impl All {
    pub fn open() -> Result<Self> {
        let file = NODE.open()?;
        Ok(Self { file })
    }

    /// The start and the end of the mapping at an address.
    pub fn describe(&self, addr: usize, locking: u64) -> Result<[u64; 2]> {
        let mut words: Describe = [addr as u64, locking, 0, 0, 0, 0, 0, 0, 0, 0];
        sys::ioctl_words(&self.file, DESCRIBE, &mut words)?;
        Ok([words[2], words[3]])
    }

    /// The starts and ends of all mappings at one moment, up to a number.
    pub fn list(&self, at_most: usize) -> Result<Vec<[u64; 2]>> {
        let mut bytes = vec![0; at_most * size_of::<Record>()];
        let len = self.file.read_at(&mut bytes, 0)?;
        if len == bytes.len() {
            return Err(Error::other("there are too many mappings"));
        }
        let word = |bytes: &[u8]| bytes.try_into().map(u64::from_ne_bytes).unwrap_or(0);
        let records = bytes[..len].chunks_exact(size_of::<Record>());
        Ok(records.map(|r| [word(&r[..8]), word(&r[8..16])]).collect())
    }
}
