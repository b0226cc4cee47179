// SPDX-License-Identifier: GPL-2.0

//! Userspace ABI of `/dev/rust-vma-pfn`.
//!
//! An open file is a region of [`PAGES`] pages, like device memory, that is mapped by page frame
//! number. The first [`STATUS_PAGES`] pages are read-only; the pages after them can be mapped
//! shared and written. A mapping lies in one of the two parts: `EINVAL` otherwise, `ENXIO` past the
//! end, `EPERM` if the mapping asks for a permission that the part does not give.
//!
//! At first, 64-bit word `w` of page `p` is `p << 32 | w`.
//!
//! The file does not use the `kernel` crate, so user space includes it too.

use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes, //
};

/// The size of the region, in pages.
pub(crate) const PAGES: u64 = 64;

/// The size of the read-only part, in pages. `mmap()` maps it as a whole; the other part is mapped
/// page by page on access.
pub(crate) const STATUS_PAGES: u64 = 32;

/// The type of the ioctls' numbers.
pub(crate) const IOC_TYPE: u8 = b'|';

/// Unmaps the pages of all mappings of this device node, of all files and processes. They are
/// mapped again on access. `_IO(IOC_TYPE, REVOKE_NR)`.
pub(crate) const REVOKE_NR: u8 = 0xb0;

/// Writes a [`Stats`]: `_IOR(IOC_TYPE, STATS_NR, Stats)`.
pub(crate) const STATS_NR: u8 = 0xb1;

/// Counters over all files since the driver was loaded.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Stats {
    /// Regions that exist.
    pub(crate) regions: u64,
    /// Pages that the regions have.
    pub(crate) pages: u64,
    /// VMAs created by `mmap()`, fork, split or `mremap()`.
    pub(crate) vmas_opened: u64,
    /// VMAs closed.
    pub(crate) vmas_closed: u64,
    /// Faults handled.
    pub(crate) faults: u64,
    /// 0.
    pub(crate) reserved: u64,
}
