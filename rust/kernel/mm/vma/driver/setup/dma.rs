// SPDX-License-Identifier: GPL-2.0

//! The step that maps memory of the DMA API.
//!
//! There is none for [`VmaSetup`](super::VmaSetup). A VMA in its `.mmap` hook is not linked in the
//! reverse mapping yet, so the memory that the hook maps would be missed when the device is
//! unbound.

use super::{
    super::{
        kind::{
            DmaMap,
            PageKind,
            Undecided, //
        },
        DmaBacked,
        OperationsTable, //
    },
    flags,
    EndsDesc,
    Prepared,
    SetupFlags,
    VmaDesc, //
};
use crate::prelude::*;

impl<'a, K: PageKind> VmaDesc<'a, K> {
    /// Ends the description; the whole VMA will map memory of the DMA API, from page `first` of it
    /// on (C: `dma_mmap_coherent()`, `dma_mmap_noncontiguous()`).
    ///
    /// The VMA gets a share of `memory`, a file of its own inode (C: `desc->vm_file`), by which the
    /// device finds all mappings when it is unbound, and `first` as its page offset, which is the
    /// one in that file. Also sets IO, DONTEXPAND and DONTDUMP.
    ///
    /// The memory is mapped before [`mapped()`](super::super::VmaOperations::mapped) is called. If
    /// that fails, `mmap()` does: with `ENODEV` if the device is unbound, `ENXIO` if its memory
    /// cannot be mapped, or `ENOMEM`.
    ///
    /// May sleep, for memory.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the mapping is private and could become writable, as for
    /// [`pfnmap()`](Self::pfnmap), or if the memory has fewer pages from `first` on than the VMA;
    /// `ENODEV` if the device is unbound; `ENOMEM`, `ENFILE`.
    ///
    /// # Examples
    ///
    /// See [`DmaMemory::new()`](super::super::DmaMemory::new) and
    /// [`NoncoherentMemory::new()`](super::super::NoncoherentMemory::new).
    #[doc(alias = "dma_mmap_coherent")]
    #[doc(alias = "dma_mmap_attrs")]
    #[doc(alias = "dma_mmap_noncontiguous")]
    #[doc(alias = "dma_mmap_pages")]
    pub fn map_dma<T>(mut self, memory: &'a T::Data, first: usize) -> Result<Prepared<'a>>
    where
        K: Undecided,
        T: OperationsTable<PageKind = DmaMap>,
        T::Hook: EndsDesc,
        T::Data: DmaBacked,
    {
        if flags::is_cow(self.flags()) {
            return Err(EINVAL);
        }
        let end = first.checked_add(self.page_count()).ok_or(EINVAL)?;
        if end > memory.page_count() {
            return Err(EINVAL);
        }
        let file = memory.open_file::<T::OwnerModule>()?;

        self.set_flags(SetupFlags::OF_DEVICE);
        self.raw_mut().pgoff = first;

        let mut prepared = self.into_kind::<DmaMap>().with_ops::<T>(memory);
        prepared.file = Some(file);
        Ok(prepared)
    }
}
