// SPDX-License-Identifier: GPL-2.0

//! `/dev/rust-vma-accel`.

use super::Node;
use crate::abi::accel::{self as abi, IOC_TYPE, Memory};
use crate::check::Must;
use crate::sys;
use crate::sys::memory::{set_word, word};
use libc::{PROT_READ, PROT_WRITE};
use std::fs::File;
use std::io::Result;

/// Kinds of jobs.
pub const LOAD: u64 = abi::LOAD;
pub const STORE: u64 = abi::STORE;
pub const FETCH: u64 = abi::FETCH;

/// The status of a job that is done.
pub const DONE: i64 = abi::DONE as i64;

/// The number of slots of the queue.
pub const SLOTS: usize = abi::SLOTS;

/// Where the results are in the queue, in bytes, and their size.
pub const RESULTS: usize = abi::RESULTS;
pub const RESULT_BYTES: usize = abi::RESULT_BYTES;

/// The size of the device's memory.
pub const DEVICE_BYTES: usize = abi::DEVICE_BYTES;

/// The device.
pub const NODE: Node = Node {
    path: "/dev/rust-vma-accel",
    option: "CONFIG_SAMPLE_RUST_VMA_ACCEL",
};

/// The name of the driver.
pub const DRIVER: &str = "rust_vma_accel";

/// Numbers of ioctls.
pub const REGISTER: u32 = sys::encode_iow::<Memory>(IOC_TYPE, abi::REGISTER_NR);
pub const UNREGISTER: u32 = sys::encode_io(IOC_TYPE, abi::UNREGISTER_NR);
pub const RUN: u32 = sys::encode_io(IOC_TYPE, abi::RUN_NR);

/// A job: what to do, the offset in the memory or the results, the one in the device, and the number of bytes.
pub type Job = [u64; 4];

/// An open file, and where its queue is mapped.
pub struct Accel {
    pub file: File,
    queue: usize,
    next: usize,
}

impl Accel {
    /// A new file, whose queue is mapped at a place.
    pub fn open_at(queue: usize) -> Result<Self> {
        let accel = Self {
            file: NODE.open()?,
            queue,
            next: 0,
        };
        accel.map_queue(queue)?;
        Ok(accel)
    }

    /// Maps the queue once more.
    pub fn map_queue(&self, at: usize) -> Result<()> {
        let first = abi::QUEUE_FIRST as u64;
        super::map_shared(&self.file, at, first, 1, PROT_READ | PROT_WRITE)
    }

    /// Maps the registers.
    pub fn map_registers(&self, at: usize, prot: i32) -> Result<()> {
        super::map_shared(&self.file, at, 0, 1, prot)
    }

    pub fn register(&self, addr: usize, len: usize) -> Result<()> {
        let mut memory: Memory = [addr as u64, len as u64];
        sys::ioctl_words(&self.file, REGISTER, &mut memory)
    }

    pub fn unregister(&self) -> Result<()> {
        sys::ioctl_at(&self.file, UNREGISTER, 0)
    }

    /// Has the device do the next jobs of the queue. Returns how many it did.
    pub fn run(&self, count: usize) -> Result<usize> {
        sys::ioctl_on(&self.file, RUN, count)
    }

    /// Has the device do jobs. Returns what became of each.
    #[track_caller]
    pub fn results_of<const N: usize>(&mut self, jobs: [Job; N]) -> [i64; N] {
        let slots = jobs.map(|[op, offset, at, len]| {
            let slot = self.next;
            self.next = (slot + 1) % SLOTS;
            let set = |word: usize, value| set_word(self.at(slot, word), value);
            set(abi::OP, op);
            set(abi::OFFSET, offset);
            set(abi::AT, at);
            set(abi::LEN, len);
            set(abi::STATUS, 0);
            slot
        });
        self.run(N).must_give(N);
        slots.map(|slot| self.status(slot))
    }

    /// Forgets what became of all jobs.
    pub fn forget_statuses(&self) {
        (0..SLOTS).for_each(|slot| set_word(self.at(slot, abi::STATUS), 0));
    }

    /// Returns how many jobs were done since.
    pub fn done(&self) -> usize {
        (0..SLOTS).filter(|slot| self.status(*slot) == DONE).count()
    }

    fn status(&self, slot: usize) -> i64 {
        word(self.at(slot, abi::STATUS)) as i64
    }

    /// Where a word of a slot is.
    fn at(&self, slot: usize, word: usize) -> usize {
        self.queue + 8 * (slot * abi::SLOT_WORDS + word)
    }

    /// Has the device do a job, which must succeed.
    #[track_caller]
    pub fn must_do(&mut self, job: Job) {
        assert_eq!(self.results_of([job]), [DONE]);
    }
}
