// SPDX-License-Identifier: GPL-2.0

//! Userspace ABI of `/dev/rust-vma-userptr`.
//!
//! The driver works on memory of its caller, whose pages it pins.
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
/// `EINVAL` if a field that must be 0 is not, for a size out of range, an end past the address
/// space or an unknown way to pin; `EFAULT` if not all of the memory is mapped and accessible.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Request {
    /// In: the address of the memory, of any alignment.
    pub(crate) addr: u64,
    /// In: its size in bytes, from 1 to [`MAX_LEN`].
    pub(crate) len: u64,
    /// In: how to pin, see [`how`].
    pub(crate) how: u64,
    /// In: the byte to fill with, for the ioctls that fill.
    pub(crate) byte: u64,
    /// In: 0. Out: the sum.
    pub(crate) sum: u64,
    /// In and out: 0.
    pub(crate) reserved: u64,
}

/// How to pin.
pub(crate) mod how {
    /// Without the mmap lock where that is possible.
    pub(crate) const FAST: u64 = 1;

    /// Under the mmap read lock, after a check of the VMA: it must contain all of the memory, and
    /// must be writable to be filled. `EFAULT` if not.
    pub(crate) const LOCKED: u64 = 2;

    /// For a long time, as for a device that accesses the memory on its own.
    pub(crate) const LONG_TERM: u64 = 3;
}

/// The type of the ioctls' numbers.
pub(crate) const IOC_TYPE: u8 = b'|';

/// Sums up the bytes.
pub(crate) const SUM_NR: u8 = 0xc0;

/// Fills the memory.
pub(crate) const FILL_NR: u8 = 0xc1;

/// Pins the memory, writable, until the open file is closed; `how` is ignored.
///
/// `EBUSY` if the file has registered memory.
pub(crate) const REGISTER_NR: u8 = 0xc2;

/// Unpins it. The fields up to `byte` must be 0, here and below; `ENXIO`, here and below, if there
/// is no registered memory.
pub(crate) const UNREGISTER_NR: u8 = 0xc3;

/// Sums up the bytes of the registered memory.
pub(crate) const SUM_REGISTERED_NR: u8 = 0xc4;

/// Fills the registered memory with `byte`.
pub(crate) const FILL_REGISTERED_NR: u8 = 0xc5;

/// Mirrors the memory, which must consist of whole pages, until the open file is closed: it is not
/// pinned, and the driver follows its changes. `how` is ignored.
///
/// `EBUSY` if the file mirrors memory.
pub(crate) const MIRROR_NR: u8 = 0xc6;

/// Ends that. The fields up to `byte` must be 0, here and below; `ENXIO`, here and below, if the
/// file does not mirror memory.
pub(crate) const UNMIRROR_NR: u8 = 0xc7;

/// Looks up all pages of the mirrored memory, and sums up their bytes.
///
/// `EINVAL` in another process than that of the memory, `EFAULT` if not all of it is mapped.
pub(crate) const SUM_MIRRORED_NR: u8 = 0xc8;

/// The sum is the number of pages that were looked up and have not changed their place since.
pub(crate) const KNOWN_NR: u8 = 0xc9;

/// Writes a [`Stats`]: `_IOR(IOC_TYPE, STATS_NR, Stats)`.
pub(crate) const STATS_NR: u8 = 0xca;

/// Counters over all files since the driver was loaded.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Stats {
    /// Open files.
    pub(crate) files: u64,
    /// Pages that are pinned now.
    pub(crate) pinned_now: u64,
    /// Pages pinned in total.
    pub(crate) pinned: u64,
    /// Pages unpinned in total.
    pub(crate) unpinned: u64,
    /// 0.
    pub(crate) reserved: [u64; 2],
}

/// The maximum size of the memory, in bytes.
pub(crate) const MAX_LEN: u64 = 4 << 20;
