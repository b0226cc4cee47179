// SPDX-License-Identifier: GPL-2.0

//! Userspace ABI of `/dev/rust-vma-map`.
//!
//! An open file shows the process chosen by [`SELECT_NR`]. Its `read()` returns the text of
//! `/proc/PID/maps`, except the line of the gate page, which is no VMA. The first read after
//! [`SELECT_NR`], and each read at position 0, begins at the start. Other reads continue where the
//! last one ended; `EINVAL` at any other position. A VMA that grew behind the reader's back is
//! shown from the end of the last line on.
//!
//! The file does not use the `kernel` crate, so user space includes it too.

use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes, //
};

/// The type of the ioctls' numbers.
pub(crate) const IOC_TYPE: u8 = b'|';

/// Chooses a process: `_IOWR(IOC_TYPE, SELECT_NR, Select)`.
///
/// `ESRCH` if there is no such process, `EACCES` if the caller may not read its
/// `/proc/PID/maps`, `EINVAL` if a field that must be 0 is not. A process without an address
/// space, such as a kernel thread, has an empty map.
pub(crate) const SELECT_NR: u8 = 0xd0;

/// The argument of [`SELECT_NR`], which is not changed.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Select {
    /// The number of the process in the caller's namespace.
    pub(crate) pid: i64,
    /// 0.
    pub(crate) reserved: u64,
}

/// Counts how VMAs were locked since [`SELECT_NR`]: `_IOR(IOC_TYPE, HISTOGRAM_NR, Histogram)`.
///
/// `ENXIO`, as for `read()`, if no process was chosen.
pub(crate) const HISTOGRAM_NR: u8 = 0xd1;

/// The number of lines by the way in which the VMA was locked.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Histogram {
    /// Without the mmap lock, at once.
    pub(crate) rcu: u64,
    /// Without the mmap lock, after a retry because a writer held the mmap lock.
    pub(crate) retried: u64,
    /// With the mmap lock, because the VMA was or had been write-locked.
    pub(crate) mmap_lock: u64,
    /// 0.
    pub(crate) reserved: u64,
}

/// Writes a [`Stats`]: `_IOR(IOC_TYPE, STATS_NR, Stats)`.
pub(crate) const STATS_NR: u8 = 0xd3;

/// Counters over all files since the driver was loaded.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Stats {
    /// Open files.
    pub(crate) files: u64,
    /// Open files for which a process was chosen.
    pub(crate) readers: u64,
    /// 0.
    pub(crate) reserved: [u64; 4],
}

/// Describes several VMAs of the caller at one moment: `_IOWR(IOC_TYPE, SNAPSHOT_NR, Snapshot)`.
///
/// `EINVAL` if a field that must be 0 is not, or for no address or too many; `ENOENT`, `EAGAIN` or
/// `EOPNOTSUPP` for a [`reason`], `EINTR` if the caller is being killed.
pub(crate) const SNAPSHOT_NR: u8 = 0xd2;

/// The maximum number of addresses in a [`Snapshot`].
pub(crate) const MAX_ADDRESSES: usize = 8;

/// The argument of [`SNAPSHOT_NR`].
///
/// On a failure with a [`reason`], `index` and `reason` are written although the ioctl fails.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Snapshot {
    /// In: the number of addresses.
    pub(crate) count: u64,
    /// In: 0. Out: the locks that were held, see [`held`].
    pub(crate) held: u64,
    /// In: 0. Out: on failure, the index of the address.
    pub(crate) index: u64,
    /// In: 0. Out: on failure, the [`reason`].
    pub(crate) reason: u64,
    /// In: the addresses, 0 in unused entries.
    pub(crate) addrs: [u64; MAX_ADDRESSES],
    /// In: 0. Out: the VMA at each address.
    pub(crate) vmas: [SnapshotVma; MAX_ADDRESSES],
}

/// A VMA of a [`Snapshot`].
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct SnapshotVma {
    /// The first address.
    pub(crate) start: u64,
    /// The end address (exclusive).
    pub(crate) end: u64,
    /// A set of [`flag`]s.
    pub(crate) flags: u64,
}

/// The locks that were held.
pub(crate) mod held {
    /// The read locks of all VMAs.
    pub(crate) const VMA: u64 = 1;

    /// The mmap read lock.
    pub(crate) const MMAP: u64 = 2;
}

/// The reason why a VMA could not be locked.
pub(crate) mod reason {
    /// There is no VMA at the address.
    pub(crate) const NO_VMA: u64 = 1;

    /// The VMA has the maximum number of readers.
    pub(crate) const READERS_AT_LIMIT: u64 = 2;

    /// This kernel does not support it.
    pub(crate) const NOT_SUPPORTED: u64 = 3;
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

    /// Is left out of core dumps.
    pub(crate) const DONTDUMP: u64 = 1 << 4;
}
