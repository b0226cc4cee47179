// SPDX-License-Identifier: GPL-2.0

//! What `/dev/rust-vma` and its users say to each other.
//!
//! Everything is an array of 64-bit words in native byte order. So nothing is padded, and 32-bit
//! and 64-bit processes say the same. Flags have numbers of their own, because those of the kernel
//! change.
//!
//! This is plain Rust without the `kernel` crate, for user space to include, too.

/// A VMA: its start, its end (exclusive), its offset in the mapped file in bytes (0 without a
/// file), and its [`flag`]s.
///
/// `read()` gives one for each VMA of the caller, in the order of their addresses.
pub(crate) type Record = [u64; 4];

/// The argument of the ioctl, read and written: `_IOWR(IOC_TYPE, DESCRIBE_NR, Describe)`.
///
/// | word   | in                                | out                                          |
/// |--------|-----------------------------------|----------------------------------------------|
/// | 0      | address                           | the same                                     |
/// | 1      | how to lock, see [`locking`]      | the same                                     |
/// | 2 to 5 | not looked at                     | the VMA that contains the address, a `Record` |
/// | 6      | not looked at                     | the lock that was held, see [`held`]         |
/// | 7      | not looked at                     | its VMA readers, or [`READERS_UNKNOWN`]      |
/// | 8, 9   | 0, for extensions                 | 0                                            |
pub(crate) type Describe = [u64; 10];

/// The type of the ioctl's number.
pub(crate) const IOC_TYPE: u8 = b'|';

/// The ioctl's number within its type.
pub(crate) const DESCRIBE_NR: u8 = 0x90;

/// How to lock the VMA while it is described.
pub(crate) mod locking {
    /// The VMA read lock, without the mmap lock.
    ///
    /// Fails with `EAGAIN` both if there is no VMA and if the lock cannot be had this way, now or
    /// in this kernel: nothing but the mmap lock can tell the two apart.
    pub(crate) const RCU: u64 = 1;

    /// The mmap read lock.
    pub(crate) const MMAP: u64 = 2;

    /// The VMA read lock, taken under the mmap read lock, which is dropped before the VMA is read.
    ///
    /// Fails with `EOPNOTSUPP` in a kernel without VMA locks.
    pub(crate) const HANDED_OVER: u64 = 3;

    /// Whichever of the two locks can be had, the VMA lock preferred.
    pub(crate) const ANY: u64 = 4;
}

/// Which lock was held.
pub(crate) mod held {
    /// The VMA read lock.
    pub(crate) const VMA: u64 = 1;

    /// The mmap read lock.
    pub(crate) const MMAP: u64 = 2;
}

/// What is known about a VMA.
pub(crate) mod flag {
    /// Can be read.
    pub(crate) const READ: u64 = 1 << 0;

    /// Can be written.
    pub(crate) const WRITE: u64 = 1 << 1;

    /// Can be executed.
    pub(crate) const EXEC: u64 = 1 << 2;

    /// Was mapped with `MAP_SHARED`.
    pub(crate) const SHARED: u64 = 1 << 3;

    /// Maps a file.
    pub(crate) const FILE: u64 = 1 << 4;

    /// Grows to lower addresses on faults: a stack.
    pub(crate) const GROWSDOWN: u64 = 1 << 5;

    /// May contain guard regions (`MADV_GUARD_INSTALL`).
    pub(crate) const MAYBE_GUARD: u64 = 1 << 6;
}

/// The number of readers is not known, as in a kernel without VMA locks.
pub(crate) const READERS_UNKNOWN: u64 = u64::MAX;
