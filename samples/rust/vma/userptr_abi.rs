// SPDX-License-Identifier: GPL-2.0

//! What `/dev/rust-vma-userptr` and its users say to each other.
//!
//! The driver works on memory of the caller's, by pinning its pages.
//!
//! This is plain Rust without the `kernel` crate, for user space to include, too.

/// The argument of all ioctls but [`STATS_NR`], read and written:
/// `_IOWR(IOC_TYPE, .._NR, Request)`.
///
/// | word | in                                                   | out      |
/// |------|------------------------------------------------------|----------|
/// | 0    | address of the memory, of any alignment              | the same |
/// | 1    | its size in bytes, from 1 to [`MAX_LEN`]             | the same |
/// | 2    | how to pin, see [`how`]                              | the same |
/// | 3    | the byte to fill with, for those that fill           | the same |
/// | 4    | 0                                                    | the sum  |
/// | 5    | 0, for extensions                                    | 0        |
///
/// `EINVAL` if a word that must be 0 is not, for a size out of range, an end beyond the address
/// space or an unknown way to pin; `EFAULT` if not all of the memory is there and can be accessed.
pub(crate) type Request = [u64; 6];

/// How to pin.
pub(crate) mod how {
    /// Without the mmap lock where that is possible.
    pub(crate) const FAST: u64 = 1;

    /// Under the mmap read lock, after a look at the VMA: it has to have all of the memory, and
    /// must be writable to be filled. `EFAULT` if not.
    pub(crate) const LOCKED: u64 = 2;

    /// For a long time, as a device would that is going to use the memory on its own.
    pub(crate) const LONG_TERM: u64 = 3;
}

/// The type of the ioctls' numbers.
pub(crate) const IOC_TYPE: u8 = b'|';

/// Sums up the bytes.
pub(crate) const SUM_NR: u8 = 0xc0;

/// Fills the memory.
pub(crate) const FILL_NR: u8 = 0xc1;

/// Pins the memory, writable, and keeps it in the open file; word 2 is not looked at.
///
/// `EBUSY` if the file has such memory.
pub(crate) const REGISTER_NR: u8 = 0xc2;

/// Unpins it. Words 0 to 3 must be 0, here and below; `ENXIO`, here and below, if there is none.
pub(crate) const UNREGISTER_NR: u8 = 0xc3;

/// Sums up the bytes of the registered memory.
pub(crate) const SUM_REGISTERED_NR: u8 = 0xc4;

/// Fills the registered memory with the byte of word 3.
pub(crate) const FILL_REGISTERED_NR: u8 = 0xc5;

/// Writes a [`Stats`]: `_IOR(IOC_TYPE, STATS_NR, Stats)`.
pub(crate) const STATS_NR: u8 = 0xc6;

/// What the driver counts, over all files since it was loaded.
///
/// | word | counts                       |
/// |------|------------------------------|
/// | 0    | open files                   |
/// | 1    | pages that are pinned        |
/// | 2    | pages that were pinned       |
/// | 3    | pages that were unpinned     |
/// | 4, 5 | 0                            |
pub(crate) type Stats = [u64; 6];

/// The largest piece of memory, in bytes.
pub(crate) const MAX_LEN: u64 = 4 << 20;
