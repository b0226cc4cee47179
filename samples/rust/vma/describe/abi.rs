// SPDX-License-Identifier: GPL-2.0

//! Userspace ABI of `/dev/rust-vma`.
//!
//! All fields are 64 bits wide and in native byte order, so the structures have no padding and are
//! the same for 32-bit and 64-bit processes. Flags have numbers of their own, because those of the
//! kernel change. The file does not use the `kernel` crate, so user space includes it too.

use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes, //
};

/// A VMA. `read()` returns one for each VMA of the caller, in address order.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Record {
    /// The first address.
    pub(crate) start: u64,
    /// The end address (exclusive).
    pub(crate) end: u64,
    /// The offset in the mapped file in bytes; 0 without a file.
    pub(crate) offset: u64,
    /// A set of [`flag`]s.
    pub(crate) flags: u64,
}

/// The argument of the ioctl, read and written: `_IOWR(IOC_TYPE, DESCRIBE_NR, Describe)`.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Describe {
    /// In: an address.
    pub(crate) addr: u64,
    /// In: how to lock, see [`locking`].
    pub(crate) locking: u64,
    /// Out: the VMA that contains the address.
    pub(crate) vma: Record,
    /// Out: the lock that was held, see [`held`].
    pub(crate) held: u64,
    /// Out: the number of VMA readers, or [`READERS_UNKNOWN`].
    pub(crate) readers: u64,
    /// In and out: 0.
    pub(crate) reserved: [u64; 2],
}

/// The type of the ioctl's number.
pub(crate) const IOC_TYPE: u8 = b'|';

/// The ioctl's number within its type.
pub(crate) const DESCRIBE_NR: u8 = 0x90;

/// How to lock the VMA while it is described.
pub(crate) mod locking {
    /// The VMA read lock, without the mmap lock.
    ///
    /// Fails with `EAGAIN` if there is no VMA, if the lock cannot be taken under RCU now, or if
    /// this kernel has no VMA locks: only the mmap lock can tell these cases apart.
    pub(crate) const RCU: u64 = 1;

    /// The mmap read lock.
    pub(crate) const MMAP: u64 = 2;

    /// The VMA read lock, taken under the mmap read lock, which is dropped before the VMA is read.
    ///
    /// Fails with `EOPNOTSUPP` in a kernel without VMA locks.
    pub(crate) const HANDED_OVER: u64 = 3;

    /// The VMA read lock, with a fallback to the mmap read lock.
    pub(crate) const ANY: u64 = 4;
}

/// The lock that was held.
pub(crate) mod held {
    /// The VMA read lock.
    pub(crate) const VMA: u64 = 1;

    /// The mmap read lock.
    pub(crate) const MMAP: u64 = 2;
}

/// Properties of a VMA.
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
