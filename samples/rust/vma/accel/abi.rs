// SPDX-License-Identifier: GPL-2.0

//! Userspace ABI of `/dev/rust-vma-accel`.
//!
//! The accelerator has memory of [`DEVICE_BYTES`] bytes, and copies to and from it. A file has a
//! queue of jobs, of one page, which is mapped from the page [`QUEUE_FIRST`] on, shared. Page 0 has
//! the registers of the device, which can only be read. Both are a SIGBUS when the device is
//! unbound. A file belongs to the device that was bound when it was opened.
//!
//! The file does not use the `kernel` crate, so user space includes it too.

use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes, //
};

/// The type of the ioctls' numbers.
pub(crate) const IOC_TYPE: u8 = b'|';

/// Lets the device work on memory, until [`UNREGISTER_NR`] or the last close:
/// `_IOW(IOC_TYPE, REGISTER_NR, Memory)`.
///
/// If the process changes what it has mapped there, all jobs on it fail (`-ESTALE`), and others can
/// be registered. `EBUSY` if the file has some that has not changed.
pub(crate) const REGISTER_NR: u8 = 0xf4;

/// Ends that: `_IO(IOC_TYPE, UNREGISTER_NR)`. `ENXIO` if the file has none.
pub(crate) const UNREGISTER_NR: u8 = 0xf5;

/// Does the next jobs of the queue: `_IO(IOC_TYPE, RUN_NR)`, with their number as its argument.
///
/// Returns how many were done, well or not; fewer if a signal is pending. `EINVAL` for a number of
/// more than [`SLOTS`], `ENODEV` if the device is unbound.
pub(crate) const RUN_NR: u8 = 0xf6;

/// The argument of [`REGISTER_NR`].
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Memory {
    /// The address.
    pub(crate) addr: u64,
    /// The number of bytes.
    pub(crate) len: u64,
}

/// The page from which the queue is mapped.
pub(crate) const QUEUE_FIRST: usize = 1;

/// The number of slots of the queue, and of the 64-bit words of each. The first one begins the
/// page.
pub(crate) const SLOTS: usize = 32;
pub(crate) const SLOT_WORDS: usize = 8;

/// The words of a slot: what to do,
pub(crate) const OP: usize = 0;
/// the offset in the registered memory, or in [`RESULTS`],
pub(crate) const OFFSET: usize = 1;
/// the offset in the memory of the device,
pub(crate) const AT: usize = 2;
/// how many bytes to copy,
pub(crate) const LEN: usize = 3;
/// and what the driver writes when it is done: [`DONE`] or an error, such as `-EINVAL` for an
/// unknown job, `-EFAULT` for a range that is not in the memory, `-ERANGE` for one that is not in
/// the device or the results, `-ENXIO` without memory, `-ESTALE`.
pub(crate) const STATUS: usize = 4;

/// Copies from the memory to the device.
pub(crate) const LOAD: u64 = 1;
/// Copies from the device to the memory.
pub(crate) const STORE: u64 = 2;
/// Copies from the device to the results.
pub(crate) const FETCH: u64 = 3;

/// The job was done.
pub(crate) const DONE: u64 = 1;

/// Where the results are in the page of the queue, in bytes, and their size.
pub(crate) const RESULTS: usize = SLOTS * SLOT_WORDS * 8;
pub(crate) const RESULT_BYTES: usize = 4096 - RESULTS;

/// The size of the device's memory.
pub(crate) const DEVICE_BYTES: usize = 2048;
