// SPDX-License-Identifier: GPL-2.0

//! What `/dev/rust-vma-pfn` and its users say to each other.
//!
//! An open file is a piece of memory of [`PAGES`] pages, as a device might have it, mapped by page
//! frame number. The first [`STATUS_PAGES`] of it can only be read; the pages after them can be
//! mapped shared and written, too. A mapping lies in one of the two parts: `EINVAL` otherwise,
//! `ENXIO` beyond the end, `EPERM` if it asks for a permission that the part does not give.
//!
//! At first, 64-bit word `w` of page `p` is `p << 32 | w`.
//!
//! This is plain Rust without the `kernel` crate, for user space to include, too.

/// The size of all of it, in pages.
pub(crate) const PAGES: u64 = 64;

/// The size of the part that can only be read, in pages. It is mapped in whole by `mmap()`, the
/// other part page by page as it is accessed.
pub(crate) const STATUS_PAGES: u64 = 32;

/// The type of the ioctls' numbers.
pub(crate) const IOC_TYPE: u8 = b'|';

/// Unmaps the pages of all mappings of this device node, of all files and processes. They come
/// back as they are accessed. `_IO(IOC_TYPE, REVOKE_NR)`.
pub(crate) const REVOKE_NR: u8 = 0xb0;

/// Writes a [`Stats`]: `_IOR(IOC_TYPE, STATS_NR, Stats)`.
pub(crate) const STATS_NR: u8 = 0xb1;

/// What the driver counts, over all files since it was loaded.
///
/// | word | counts                                                       |
/// |------|--------------------------------------------------------------|
/// | 0    | pieces of memory that exist                                  |
/// | 1    | pages of them                                                |
/// | 2    | VMAs that were made: by `mmap()`, fork, split or `mremap()`  |
/// | 3    | VMAs that went away                                          |
/// | 4    | faults that were handled                                     |
/// | 5    | 0                                                            |
pub(crate) type Stats = [u64; 6];
