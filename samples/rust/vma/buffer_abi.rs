// SPDX-License-Identifier: GPL-2.0

//! What `/dev/rust-vma-buffer` and its users say to each other.
//!
//! An open file is a buffer of pages. It gets its size once, and can then be mapped, shared, as
//! often as one likes, and read and written by `pread()` and `pwrite()`. A page is made when it is
//! first accessed, and is zero then.
//!
//! This is plain Rust without the `kernel` crate, for user space to include, too.

/// The argument of all ioctls but [`STATS_NR`], read and written:
/// `_IOWR(IOC_TYPE, .._NR, Request)`.
///
/// | word | in                           | out                         |
/// |------|------------------------------|-----------------------------|
/// | 0    | first page, or a number      | the same                    |
/// | 1    | number of pages, or 0        | the same                    |
/// | 2    | 0                            | how many pages were changed |
/// | 3    | 0, for extensions            | 0                           |
///
/// `EINVAL` if a word that must be 0 is not, or if the pages are not all in the buffer.
pub(crate) type Request = [u64; 4];

/// What the driver counts, over all files since it was loaded, written by [`STATS_NR`].
///
/// | word | counts                                                       |
/// |------|--------------------------------------------------------------|
/// | 0    | buffers that exist                                           |
/// | 1    | pages that buffers have                                      |
/// | 2    | VMAs that were made: by `mmap()`, fork, split or `mremap()`  |
/// | 3    | VMAs that went away                                          |
/// | 4    | faults that were handled                                     |
/// | 5    | pages that were reclaimed                                    |
pub(crate) type Stats = [u64; 6];

/// The type of the ioctls' numbers.
pub(crate) const IOC_TYPE: u8 = b'|';

/// Gives the buffer its size: word 0, in pages, from 1 to [`MAX_PAGES`].
///
/// `EINVAL` for another size, `EBUSY` if it has one.
pub(crate) const SET_SIZE_NR: u8 = 0xa0;

/// Inserts pages (word 0 the first, word 1 how many) into the mapping that was made last, without
/// waiting for a fault; those that are mapped already do not count.
///
/// `ENXIO` if there is no such mapping, or if what is mapped at its place now is not this buffer.
/// Pages up to there stay inserted.
pub(crate) const POPULATE_NR: u8 = 0xa1;

/// Says that the contents of pages (word 0 the first, word 1 how many) are not needed any more.
///
/// They can be accessed still; what is found there then is the old contents or zeroes.
pub(crate) const DISCARD_NR: u8 = 0xa2;

/// Takes back up to so many (word 0) of the discarded pages, without waiting for any lock.
///
/// `EAGAIN` if a lock could not be had, `EBUSY` if the buffer is mapped by several VMAs, or by one
/// at another place than that of the mapping that was made last.
pub(crate) const RECLAIM_NR: u8 = 0xa3;

/// Writes a [`Stats`]: `_IOR(IOC_TYPE, STATS_NR, Stats)`.
pub(crate) const STATS_NR: u8 = 0xa4;

/// The largest buffer, in pages.
pub(crate) const MAX_PAGES: u64 = 1024;
