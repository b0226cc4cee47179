// SPDX-License-Identifier: GPL-2.0

//! Userspace ABI of `/dev/rust-vma-buffer`.
//!
//! An open file is a buffer of pages. Its size is set once; after that it can be mapped shared any
//! number of times, and read and written with `pread()` and `pwrite()`. A page is allocated, and
//! zeroed, on first access.
//!
//! The file does not use the `kernel` crate, so user space includes it too.

use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes, //
};

/// The argument of all ioctls but [`STATS_NR`], read and written:
/// `_IOWR(IOC_TYPE, .._NR, Request)`.
///
/// `EINVAL` if a field that must be 0 is not, or if the pages are not all in the buffer.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Request {
    /// In: the first page, or a number of pages.
    pub(crate) first: u64,
    /// In: the number of pages, or 0.
    pub(crate) count: u64,
    /// In: 0. Out: the number of pages that changed.
    pub(crate) changed: u64,
    /// In and out: 0.
    pub(crate) reserved: u64,
}

/// Counters over all files since the driver was loaded, written by [`STATS_NR`].
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Stats {
    /// Buffers that exist.
    pub(crate) buffers: u64,
    /// Pages that the buffers have.
    pub(crate) pages: u64,
    /// VMAs created by `mmap()`, fork, split or `mremap()`.
    pub(crate) vmas_opened: u64,
    /// VMAs closed.
    pub(crate) vmas_closed: u64,
    /// Faults handled.
    pub(crate) faults: u64,
    /// Pages reclaimed.
    pub(crate) reclaimed: u64,
}

/// The type of the ioctls' numbers.
pub(crate) const IOC_TYPE: u8 = b'|';

/// Sets the size of the buffer to `first` pages, from 1 to [`MAX_PAGES`].
///
/// `EINVAL` for another size, `EBUSY` if the size was set before.
pub(crate) const SET_SIZE_NR: u8 = 0xa0;

/// Inserts `count` pages from page `first` on into the last mapping, without waiting for a fault;
/// pages that are mapped already do not count.
///
/// `ENXIO` if there is no such mapping, or if this buffer is no longer mapped there. The pages
/// before the failing one stay inserted.
pub(crate) const POPULATE_NR: u8 = 0xa1;

/// Marks the contents of `count` pages from page `first` on as not needed.
///
/// The pages can still be accessed; they contain the old contents or zeroes.
pub(crate) const DISCARD_NR: u8 = 0xa2;

/// Reclaims up to `first` discarded pages, without waiting for any lock.
///
/// `EAGAIN` if a lock is taken, `EBUSY` if several VMAs map the buffer, or one VMA at another place
/// than the last mapping.
pub(crate) const RECLAIM_NR: u8 = 0xa3;

/// Writes a [`Stats`]: `_IOR(IOC_TYPE, STATS_NR, Stats)`.
pub(crate) const STATS_NR: u8 = 0xa4;

/// The largest buffer, in pages.
pub(crate) const MAX_PAGES: u64 = 1024;
