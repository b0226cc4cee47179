// SPDX-License-Identifier: GPL-2.0

//! Userspace ABI of `/dev/rust-vma-ring`.
//!
//! A file has a store of blocks, and two rings that it shares with user space, as io_uring has: of
//! requests, and of their completions. They are mapped from offset 0 on, [`PAGES`] pages, shared.
//! Each ring has a head and a tail, which count entries: an entry is at its number modulo the size
//! of the ring. User space
//!
//! - writes requests, and then the tail of their ring, with release;
//! - calls [`ENTER_NR`];
//! - reads the tail of the completions, with acquire, and then the completions, and then writes
//!   their head, with release.
//!
//! A request names memory by its offset in what was registered ([`REGISTER_NR`]).
//!
//! The file does not use the `kernel` crate, so user space includes it too.

use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes, //
};

/// The type of the ioctls' numbers.
pub(crate) const IOC_TYPE: u8 = b'|';

/// Takes requests from the ring and does them, then waits for a number of completions that user
/// space has not read: `_IO(IOC_TYPE, ENTER_NR)`, with the number as its argument.
///
/// Returns the number of requests that were taken: as many as there are, and as there is room for
/// their completions, but at most [`REQUESTS`]. `EINVAL` if the tail of the requests is not one of
/// the ring, or the number is more than [`COMPLETIONS`]; `EINTR` if none was taken, and a signal
/// ended the wait.
pub(crate) const ENTER_NR: u8 = 0xf0;

/// Pins memory, until [`UNREGISTER_NR`] or the last close: `_IOW(IOC_TYPE, REGISTER_NR, Memory)`.
///
/// `EBUSY` if the file has some.
pub(crate) const REGISTER_NR: u8 = 0xf1;

/// Unpins it: `_IO(IOC_TYPE, UNREGISTER_NR)`. `ENXIO` if the file has none.
pub(crate) const UNREGISTER_NR: u8 = 0xf2;

/// The argument of [`REGISTER_NR`].
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Memory {
    /// The address.
    pub(crate) addr: u64,
    /// The number of bytes.
    pub(crate) len: u64,
}

/// A request.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Request {
    /// [`NOP`], [`READ`] or [`WRITE`].
    pub(crate) op: u64,
    /// For its completion.
    pub(crate) cookie: u64,
    /// The number of the block.
    pub(crate) block: u64,
    /// The offset of the memory, in bytes.
    pub(crate) offset: u64,
}

/// Does nothing.
pub(crate) const NOP: u64 = 0;
/// Copies a block to the memory.
pub(crate) const READ: u64 = 1;
/// Copies memory to a block.
pub(crate) const WRITE: u64 = 2;

/// The result of a request.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Completion {
    /// The one of the request.
    pub(crate) cookie: u64,
    /// The number of bytes, or an error: `-EOPNOTSUPP` for an unknown request, `-ERANGE` if there
    /// is no such block, `-ENXIO` if no memory is registered, `-EINVAL` if the range is not in it.
    pub(crate) result: i64,
}

/// The size of a block, in bytes, and their number.
pub(crate) const BLOCK: usize = 512;
pub(crate) const BLOCKS: usize = 256;

/// The number of entries of each ring.
pub(crate) const REQUESTS: u32 = 64;
pub(crate) const COMPLETIONS: u32 = 128;

/// Where the 32-bit heads and tails are, and who writes them: the driver this one,
pub(crate) const REQUEST_HEAD: usize = 0;
/// user space this one
pub(crate) const REQUEST_TAIL: usize = 64;
/// and this one,
pub(crate) const COMPLETION_HEAD: usize = 128;
/// and the driver this one.
pub(crate) const COMPLETION_TAIL: usize = 192;

/// Where the first entry of each ring is.
pub(crate) const FIRST_REQUEST: usize = 4096;
pub(crate) const FIRST_COMPLETION: usize = 8192;

/// The size of the mapping, for pages of 4 KiB.
pub(crate) const PAGES: usize = 3;
