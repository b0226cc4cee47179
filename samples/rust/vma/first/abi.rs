// SPDX-License-Identifier: GPL-2.0

//! Userspace ABI of `/dev/rust-vma-first`.
//!
//! The file does not use the `kernel` crate, so user space includes it too.

use zerocopy_derive::{
    Immutable,
    IntoBytes, //
};

/// The argument of the ioctl, written: `_IOR(IOC_TYPE, STATS_NR, Stats)`.
#[repr(C)]
#[derive(Clone, Copy, Immutable, IntoBytes)]
pub(crate) struct Stats {
    /// The size of the memory, in pages.
    pub(crate) pages: u64,
    /// Faults handled since the file was opened.
    pub(crate) faults: u64,
}

/// The type of the ioctl's number.
pub(crate) const IOC_TYPE: u8 = b'|';

/// The ioctl's number within its type.
pub(crate) const STATS_NR: u8 = 0x91;
