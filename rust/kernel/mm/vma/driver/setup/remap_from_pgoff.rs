// SPDX-License-Identifier: GPL-2.0

//! A VMA that maps the part of a region that its page offset says, and all of it at once.
//!
//! C has this for memory of a device, where `__simple_ioremap_prep()` checks the range and turns
//! the request into a remap of page frames. Here each remap is checked.

use super::{
    super::{
        kind::{
            OnlyFrames,
            PageKind,
            SamePageKind, //
        },
        OperationsTable,
        PfnBacked, //
    },
    EndsDesc,
    EndsSetup,
    Mapped,
    Prepared,
    VmaDesc,
    VmaSetup, //
};
use crate::prelude::*;

impl<'a, K: PageKind> VmaSetup<'a, K> {
    /// Ends the setup, and maps the whole VMA, from the frame of its page offset on (C:
    /// `vm_iomap_memory()`).
    ///
    /// As [`remap_pfn_range()`](Self::remap_pfn_range). May sleep, for memory.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the region does not have all of these frames; `ENOMEM`. Nothing is mapped then,
    /// and `data` is dropped.
    #[doc(alias = "vm_iomap_memory")]
    pub fn remap_from_pgoff<T>(self, data: T::Data) -> Result<Mapped<'a>>
    where
        K: OnlyFrames,
        T: OperationsTable,
        T::PageKind: SamePageKind<K>,
        T::Hook: EndsSetup,
        T::Data: PfnBacked,
    {
        let (addr, frame, pages) = (self.start(), self.pgoff(), self.page_count());
        self.remap_pfn_range::<T>(data, addr, frame, pages)
    }
}

impl<'a, K: PageKind> VmaDesc<'a, K> {
    /// Ends the description; the whole VMA will be mapped, from the frame of its page offset on
    /// (C: `mmap_action_simple_ioremap()`).
    ///
    /// As [`remap_pfn_range()`](Self::remap_pfn_range).
    ///
    /// # Errors
    ///
    /// `EINVAL` if the region does not have all of these frames.
    #[doc(alias = "mmap_action_simple_ioremap")]
    #[doc(alias = "mmap_action_remap_full")]
    #[doc(alias = "mmap_action_ioremap_full")]
    pub fn remap_from_pgoff<T>(self, data: &'a T::Data) -> Result<Prepared<'a>>
    where
        K: OnlyFrames,
        T: OperationsTable,
        T::PageKind: SamePageKind<K>,
        T::Hook: EndsDesc,
        T::Data: PfnBacked,
    {
        let (addr, frames) = (self.start(), self.pgoffs()?);
        self.remap_pfn_range::<T>(data, addr, frames.start, frames.len())
    }
}
