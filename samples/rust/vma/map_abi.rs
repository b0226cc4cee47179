// SPDX-License-Identifier: GPL-2.0

//! What `/dev/rust-vma-map` and its users say to each other.
//!
//! An open file is about the process that [`SELECT_NR`] has chosen. Its `read()` gives the text of
//! `/proc/PID/maps`, but for the line of the gate page, which is no VMA. The first read after
//! [`SELECT_NR`], and every one at position 0, begins at the start; others go on where the last one
//! has ended, and at another position are refused with `EINVAL`. A VMA that was enlarged behind the
//! reader's back is shown from where the last line ended.
//!
//! This is plain Rust without the `kernel` crate, for user space to include, too.

/// The type of the ioctls' numbers.
pub(crate) const IOC_TYPE: u8 = b'|';

/// Chooses a process: `_IOWR(IOC_TYPE, SELECT_NR, Select)`.
///
/// `ESRCH` if there is no such process, `EACCES` if the caller may not read its
/// `/proc/PID/maps`, `EINVAL` if a word that must be 0 is not. A process without an address space,
/// such as a kernel thread, has an empty map.
pub(crate) const SELECT_NR: u8 = 0xd0;

/// The argument of [`SELECT_NR`], which comes back as it is.
///
/// | word | in                                              |
/// |------|-------------------------------------------------|
/// | 0    | the number of the process, as the caller sees it |
/// | 1    | 0, for extensions                               |
pub(crate) type Select = [u64; 2];

/// Says how VMAs were locked since [`SELECT_NR`]: `_IOR(IOC_TYPE, HISTOGRAM_NR, Histogram)`.
///
/// `ENXIO`, as for `read()`, if no process was chosen.
pub(crate) const HISTOGRAM_NR: u8 = 0xd1;

/// How many lines there were whose VMA was locked in each way.
///
/// | word | without the mmap lock                                               |
/// |------|---------------------------------------------------------------------|
/// | 0    | at once                                                             |
/// | 1    | while somebody had it for writing, so that another look was needed  |
///
/// | word | with the mmap lock                                                  |
/// |------|---------------------------------------------------------------------|
/// | 2    | because a writer was at work on the VMA, or had been                |
///
/// Word 3 is 0.
pub(crate) type Histogram = [u64; 4];

/// Writes a [`Stats`]: `_IOR(IOC_TYPE, STATS_NR, Stats)`.
pub(crate) const STATS_NR: u8 = 0xd3;

/// What the driver counts, over all files since it was loaded.
///
/// | word   | counts                               |
/// |--------|--------------------------------------|
/// | 0      | open files                           |
/// | 1      | those for which a process was chosen |
/// | 2 to 5 | 0                                    |
pub(crate) type Stats = [u64; 6];

/// Describes VMAs of the caller's own at one moment: `_IOWR(IOC_TYPE, SNAPSHOT_NR, Snapshot)`.
///
/// `EINVAL` if a word that must be 0 is not, or for no address or too many; `ENOENT`, `EAGAIN` or
/// `EOPNOTSUPP` for a [`reason`], `EINTR` if the caller is being killed.
pub(crate) const SNAPSHOT_NR: u8 = 0xd2;

/// How many addresses a [`Snapshot`] can have.
pub(crate) const MAX_ADDRESSES: usize = 8;

/// Where the addresses begin in a [`Snapshot`], and where the VMAs do.
pub(crate) const ADDRESSES_AT: usize = 4;
pub(crate) const VMAS_AT: usize = ADDRESSES_AT + MAX_ADDRESSES;

/// The argument of [`SNAPSHOT_NR`].
///
/// | word     | in                                  | out                                         |
/// |----------|-------------------------------------|---------------------------------------------|
/// | 0        | number of addresses                 | the same                                    |
/// | 1        | 0                                   | the locks that were held then, see [`held`] |
/// | 2        | 0                                   | on failure, the index of the address        |
/// | 3        | 0                                   | on failure, the [`reason`]                  |
/// | 4 to 11  | the addresses, 0 in unused ones     | the same                                    |
/// | 12 to 35 | 0                                   | start, end and [`flag`]s of the VMA at each |
///
/// On a failure with a [`reason`] words 2 and 3 are written although the ioctl fails.
pub(crate) type Snapshot = [u64; VMAS_AT + 3 * MAX_ADDRESSES];

/// The locks that were held.
pub(crate) mod held {
    /// The read locks of all VMAs.
    pub(crate) const VMA: u64 = 1;

    /// The mmap read lock.
    pub(crate) const MMAP: u64 = 2;
}

/// Why a VMA could not be locked.
pub(crate) mod reason {
    /// There is none at the address.
    pub(crate) const NO_VMA: u64 = 1;

    /// It has as many readers as can be counted.
    pub(crate) const READERS_AT_LIMIT: u64 = 2;

    /// This kernel cannot.
    pub(crate) const NOT_SUPPORTED: u64 = 3;
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

    /// Is left out of core dumps.
    pub(crate) const DONTDUMP: u64 = 1 << 4;
}
