// SPDX-License-Identifier: GPL-2.0

//! Userspace ABI of `/dev/rust-vma-bar` and `/dev/rust-vma-bar-dma`.
//!
//! The memory of the device is mapped from offset 0 on, shared. An access to a mapping is a SIGBUS
//! while the device is suspended, and for ever after it is unbound. A file belongs to the device
//! that was bound when it was opened: `ENODEV` if there was none.
//!
//! The other node has coherent DMA memory of the device, zeroed when it is bound. It is mapped
//! from offset 0 on, shared, and goes as the other memory does when the device is unbound. So is a
//! ring of several buffers, from the page [`RING_FIRST`] on.
//!
//! The file does not use the `kernel` crate, so user space includes it too.

use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes, //
};

/// The type of the ioctls' numbers.
pub(crate) const IOC_TYPE: u8 = b'|';

/// Unmaps the memory from all processes, as before the device loses power. `_IO(IOC_TYPE, ..)`.
pub(crate) const SUSPEND_NR: u8 = 0xd0;

/// Lets it be mapped again. `_IO(IOC_TYPE, ..)`.
pub(crate) const RESUME_NR: u8 = 0xd1;

/// Writes a [`Stats`]: `_IOR(IOC_TYPE, STATS_NR, Stats)`.
pub(crate) const STATS_NR: u8 = 0xd2;

/// The state of the file's device.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Stats {
    /// The size of its memory, in pages.
    pub(crate) pages: u64,
    /// The first word of its memory, as the driver reads it; all ones when it is unbound.
    pub(crate) first_word: u64,
    /// Faults that mapped a page or not.
    pub(crate) faults: u64,
    /// Faults where a huge page fitted.
    pub(crate) huge_faults: u64,
}

/// The size of the DMA memory, in pages.
pub(crate) const DMA_PAGES: usize = 8;

/// The page from which the ring is mapped.
pub(crate) const RING_FIRST: usize = DMA_PAGES;

/// The number of buffers of the ring, and the size of each, in pages.
pub(crate) const RING_BUFFERS: usize = 4;
pub(crate) const BUFFER_PAGES: usize = 2;

/// Reads a word of the DMA memory, or of the ring, whose words come after it:
/// `_IOWR(IOC_TYPE, LOAD_NR, Word)`.
///
/// `ERANGE` if there is no such word, `ENODEV` if the device is unbound.
pub(crate) const LOAD_NR: u8 = 0xd3;

/// Writes a word of the DMA memory, as [`LOAD_NR`] reads it: `_IOWR(IOC_TYPE, STORE_NR, Word)`.
pub(crate) const STORE_NR: u8 = 0xd4;

/// A word of the DMA memory.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Word {
    /// Its number in the memory and the ring.
    pub(crate) index: u64,
    /// Its value.
    pub(crate) value: u64,
}
