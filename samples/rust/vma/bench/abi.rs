// SPDX-License-Identifier: GPL-2.0

//! The interface of `/dev/vma-bench-c` and `/dev/vma-bench-rust`: `vma_bench.h`
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

/// The argument of the ioctl that says what a primitive is: `_IOWR(IOC_TYPE, NAME_NR, Name)`.
///
/// | word | in                                   | out                                            |
/// |------|--------------------------------------|------------------------------------------------|
/// | 0    | its number, from 0 on; in the end there is none: `ENOENT` | the same                  |
/// | 1    | not looked at                        | what has to be at the first address: [`place`] |
/// | 2    | not looked at                        | 1 if that needs a page for each round, or 0    |
/// | 3..  | not looked at                        | its name, as bytes that end in zeros           |
pub(crate) type Name = [u64; 8];

/// How many words of a [`Name`] come before the name itself.
pub(crate) const NAME_AT: usize = 3;

/// The type of the ioctls' numbers.
pub(crate) const IOC_TYPE: u8 = b'|';

/// The ioctls' numbers within their type.
pub(crate) const RUN_NR: u8 = 0xa0;
pub(crate) const NAME_NR: u8 = 0xa1;

/// The most rounds of one run.
pub(crate) const MAX_ROUNDS: u64 = 10_000_000;

/// The longest time for which a lock is held, in microseconds.
pub(crate) const MAX_HOLD: u64 = 1000;

/// The operations.
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

    /// Until just after the next interrupt of the timer; in C only.
    #[allow(dead_code, reason = "the driver in Rust does not have it")]
    pub(crate) const TICK: u64 = 9;

    /// The first primitive; the others have the numbers after it.
    pub(crate) const PRIMITIVES: u64 = 256;
}

/// The mapping that a primitive needs at its first address.
pub(crate) mod place {
    /// Anonymous memory that was written to, and has a name.
    pub(crate) const ANON: u64 = 0;

    /// A file.
    pub(crate) const FILE: u64 = 1;

    /// The driver itself, of that [`kind`](super::kind).
    pub(crate) const MIXED: u64 = 2;
    pub(crate) const PFN: u64 = 3;
}

/// A mapping of a driver has one of these kinds, from the page `kind * PAGES` on.
pub(crate) mod kind {
    pub(crate) const PAGES: u64 = 4096;

    pub(crate) const PLAIN: u64 = 0;
    pub(crate) const MIXED: u64 = 1;
    pub(crate) const PFN: u64 = 2;
    pub(crate) const SLOT: u64 = 3;
    pub(crate) const PIECES: u64 = 4;
}
