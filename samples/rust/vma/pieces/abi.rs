// SPDX-License-Identifier: GPL-2.0

//! Userspace ABI of `/dev/rust-vma-pieces`.
//!
//! An open file is a buffer, slots, and pages of memfds. The first two start zeroed. All is mapped
//! shared: `ENXIO` past the end, `EINVAL` if a mapping is not in one of the three parts.
//!
//! The buffer is the first [`BUFFER_PAGES`] pages: blocks of one page, two pages, and so on, and
//! after these [`DUMMY_PAGES`] pages that are all the same one. `mmap()` maps them at once.
//!
//! Then come [`SLOTS`] slots of [`SLOT_PAGES`] pages, which are empty at first. An access to an
//! empty slot is a SIGBUS. [`PUT_NR`], [`DUMMY_NR`] and [`TAKE_NR`] take the number of a slot as
//! their argument, and are `EINVAL` if there is none. Mappings of slots cannot be changed by
//! `mprotect()`: `EACCES`.
//!
//! From [`MEMFD_FIRST`] on there is what [`MEMFD_NR`] has pinned last. A mapping keeps what it was
//! made of.
//!
//! The file does not use the `kernel` crate, so user space includes it too.

use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes, //
};

/// The number of blocks of the buffer.
pub(crate) const BLOCKS: u64 = 5;

/// The pages at the end of the buffer that are one.
pub(crate) const DUMMY_PAGES: u64 = 3;

/// The size of the buffer, in pages.
pub(crate) const BUFFER_PAGES: u64 = BLOCKS * (BLOCKS + 1) / 2 + DUMMY_PAGES;

/// The number of slots.
pub(crate) const SLOTS: u64 = 4;

/// The size of a slot, in pages.
pub(crate) const SLOT_PAGES: u64 = 2;

/// The type of the ioctls' numbers.
pub(crate) const IOC_TYPE: u8 = b'|';

/// Puts zeroed pages into a slot. `_IO(IOC_TYPE, PUT_NR)`.
pub(crate) const PUT_NR: u8 = 0xe0;

/// Puts one zeroed page into a slot, in place of all of its pages. `_IO(IOC_TYPE, DUMMY_NR)`.
pub(crate) const DUMMY_NR: u8 = 0xe1;

/// Empties a slot. `_IO(IOC_TYPE, TAKE_NR)`.
pub(crate) const TAKE_NR: u8 = 0xe2;

/// Writes a [`Stats`]: `_IOR(IOC_TYPE, STATS_NR, Stats)`.
pub(crate) const STATS_NR: u8 = 0xe3;

/// The page that the pages of memfds are mapped from.
pub(crate) const MEMFD_FIRST: u64 = BUFFER_PAGES + SLOTS * SLOT_PAGES;

/// The most pages of memfds that an open file has.
pub(crate) const MEMFD_PAGES: u64 = 64;

/// The most ranges that these are of.
pub(crate) const MEMFD_RANGES: usize = 4;

/// Pins ranges of memfds, one after the other. `_IOW(IOC_TYPE, MEMFD_NR, Ranges)`.
///
/// A memfd has to be open for reading and writing (`EACCES`), and sealed by `F_SEAL_SHRINK`, not
/// for writing, and have the range (`EINVAL`). Another file is `EBADFD`. `E2BIG` for more than
/// [`MEMFD_PAGES`] in all. On an error what was pinned before stays.
pub(crate) const MEMFD_NR: u8 = 0xe4;

/// The argument of [`MEMFD_NR`].
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Ranges {
    /// Of them those with pages count.
    pub(crate) ranges: [Range; MEMFD_RANGES],
}

/// A range of a memfd.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Range {
    /// The descriptor of the file.
    pub(crate) fd: u32,
    /// The number of pages.
    pub(crate) pages: u32,
    /// The first page.
    pub(crate) first: u64,
}

/// Counters over all files since the driver was loaded.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Stats {
    /// Buffers, tables of slots, and pages of memfds, that exist.
    pub(crate) regions: u64,
    /// VMAs created by `mmap()`, fork, split or `mremap()`.
    pub(crate) vmas_opened: u64,
    /// VMAs closed.
    pub(crate) vmas_closed: u64,
    /// Faults handled.
    pub(crate) faults: u64,
    /// 0.
    pub(crate) reserved: [u64; 2],
}
