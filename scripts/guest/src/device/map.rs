// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma-map`.

use super::Node;
use crate::abi::map::{self as abi, IOC_TYPE, MAX_ADDRESSES};
use crate::sys;
use std::fs::File;
use std::io::{Error, Read, Result};

/// The device.
pub const NODE: Node = Node {
    path: "/dev/rust-vma-map",
    option: "CONFIG_SAMPLE_RUST_VMA_MAP",
};

/// Numbers of ioctls.
pub const SELECT: u32 = sys::encode_iowr::<abi::Select>(IOC_TYPE, abi::SELECT_NR);
pub const HISTOGRAM: u32 = sys::encode_ior::<abi::Histogram>(IOC_TYPE, abi::HISTOGRAM_NR);
pub const SNAPSHOT: u32 = sys::encode_iowr::<abi::Snapshot>(IOC_TYPE, abi::SNAPSHOT_NR);
pub const STATS: u32 = sys::encode_ior::<abi::Stats>(IOC_TYPE, abi::STATS_NR);

/// Where the addresses begin in a snapshot, and where the VMAs do.
const ADDRESSES_AT: usize = 4;
const VMAS_AT: usize = ADDRESSES_AT + MAX_ADDRESSES;

/// Flags of the VMAs of a snapshot.
pub const WRITE: u64 = abi::flag::WRITE;
pub const DONTDUMP: u64 = abi::flag::DONTDUMP;

/// An open file, which can show the map of a process.
pub struct Map {
    pub file: File,
}

/// Counts VMAs by the way they were locked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    pub rcu: u64,
    pub retried: u64,
    pub mmap_lock: u64,
}

/// A VMA of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vma {
    pub start: u64,
    pub end: u64,
    pub flags: u64,
}

/// Why there is no snapshot: the error, and which of the addresses it is about if it says so.
#[derive(Debug)]
pub struct NoSnapshot {
    pub error: Error,
    pub index: u64,
    pub reason: u64,
}

impl Map {
    /// A file without a process.
    pub fn open() -> Result<Self> {
        let file = NODE.open()?;
        Ok(Self { file })
    }

    /// The map of a process.
    pub fn of(pid: i32) -> Result<Self> {
        let map = Self::open()?;
        map.select(pid.into())?;
        Ok(map)
    }

    /// Chooses a process.
    pub fn select(&self, pid: i64) -> Result<()> {
        // The sign is in the upper bits.
        let mut words = [pid as u64, 0];
        sys::ioctl_words(&self.file, SELECT, &mut words)
    }

    /// Reads the rest of the text, in pieces, to the end of `text`.
    pub fn read_to(&self, piece: usize, text: &mut Vec<u8>) -> Result<()> {
        read_to(&self.file, piece, text)
    }

    /// Returns the counts since the process was chosen.
    pub fn histogram(&self) -> Result<Histogram> {
        let mut words: abi::Histogram = [u64::MAX; 4];
        sys::ioctl_words(&self.file, HISTOGRAM, &mut words)?;
        let [rcu, retried, mmap_lock, zero] = words;
        assert_eq!(zero, 0, "the last word of the histogram");
        Ok(Histogram {
            rcu,
            retried,
            mmap_lock,
        })
    }

    /// The caller's own VMAs at these addresses, at one moment.
    pub fn snapshot<const N: usize>(
        &self,
        addrs: [usize; N],
    ) -> std::result::Result<[Vma; N], NoSnapshot> {
        const { assert!(N > 0 && N <= MAX_ADDRESSES) }
        let mut words: abi::Snapshot = [0; VMAS_AT + 3 * MAX_ADDRESSES];
        words[0] = N as u64;
        for (word, addr) in words[ADDRESSES_AT..].iter_mut().zip(addrs) {
            *word = addr as u64;
        }

        let done = sys::ioctl_words(&self.file, SNAPSHOT, &mut words);
        done.map_err(|error| NoSnapshot {
            error,
            index: words[2],
            reason: words[3],
        })?;
        Ok(std::array::from_fn(|number| {
            let at = VMAS_AT + 3 * number;
            Vma {
                start: words[at],
                end: words[at + 1],
                flags: words[at + 2],
            }
        }))
    }
}

impl Histogram {
    /// Returns the number of VMAs.
    pub fn all(&self) -> u64 {
        self.rcu + self.retried + self.mmap_lock
    }

    /// Adds another one.
    pub fn add(&mut self, other: Self) {
        self.rcu += other.rcu;
        self.retried += other.retried;
        self.mmap_lock += other.mmap_lock;
    }
}

/// Reads the rest of a file, in pieces, to the end of `text`, which does not move in memory if it
/// has the capacity.
pub fn read_to(mut file: &File, piece: usize, text: &mut Vec<u8>) -> Result<()> {
    loop {
        let len = text.len();
        text.resize(len + piece, 0);
        let read = file.read(&mut text[len..]);
        text.truncate(len + *read.as_ref().unwrap_or(&0));
        if read? == 0 {
            return Ok(());
        }
    }
}
