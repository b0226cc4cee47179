// SPDX-License-Identifier: GPL-2.0

//! What `/dev/vma-bench-c`, `/dev/vma-bench-rust` and their users say to each other: `vma_bench.h`
//! for Rust.
//!
//! This is plain Rust without the `kernel` crate, for user space to include, too.

/// The argument of the ioctl, read and written: `_IOWR(IOC_TYPE, RUN_NR, Run)`. An operation is
/// done again and again, and timed.
///
/// | word | in                                       | out                                |
/// |------|------------------------------------------|------------------------------------|
/// | 0    | the operation, see [`operation`]         | the same                           |
/// | 1    | how often, at most [`MAX_ROUNDS`]        | the same                           |
/// | 2, 3 | addresses of VMAs, to look them up       | the same                           |
/// | 4    | microseconds, to hold a lock             | the same                           |
/// | 5    | not looked at                            | nanoseconds of the monotonic clock |
/// | 6    | not looked at                            | VMAs that were seen, or rounds     |
/// | 7    | not looked at                            | the sum of what was read           |
pub(crate) type Run = [u64; 8];

/// The type of the ioctl's number.
pub(crate) const IOC_TYPE: u8 = b'|';

/// The ioctl's number within its type.
pub(crate) const RUN_NR: u8 = 0xa0;

/// The most rounds of one run.
pub(crate) const MAX_ROUNDS: u64 = 10_000_000;

/// The longest time for which a lock is held, in microseconds.
pub(crate) const MAX_HOLD: u64 = 1000;

/// What can be done.
pub(crate) mod operation {
    /// A loop of two instructions; in C only.
    #[allow(dead_code, reason = "the driver in Rust does not have it")]
    pub(crate) const LOOP: u64 = 0;

    /// All VMAs one after the other, each locked by itself.
    pub(crate) const WALK_VMA: u64 = 1;

    /// All VMAs one after the other, under the mmap read lock.
    pub(crate) const WALK_MMAP: u64 = 2;

    /// The VMA at the first address, under its own read lock.
    pub(crate) const READ_VMA: u64 = 3;

    /// The VMA at the first address, under the mmap read lock.
    pub(crate) const READ_MMAP: u64 = 4;

    /// The VMAs at both addresses, both locked at the same time.
    pub(crate) const LOCK_TWO: u64 = 5;

    /// As [`READ_VMA`], with the lock held for a time.
    pub(crate) const HOLD_VMA: u64 = 6;

    /// As [`READ_MMAP`], with the lock held for a time.
    pub(crate) const HOLD_MMAP: u64 = 7;

    /// As [`WALK_VMA`], the least that it takes.
    pub(crate) const WALK_LOOP: u64 = 8;
}
