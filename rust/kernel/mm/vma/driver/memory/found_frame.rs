// SPDX-License-Identifier: GPL-2.0

//! A frame that was found in private data, and how it is mapped.

use super::Frames;
use crate::{
    mm::vma::PageProt,
    prelude::*, //
};
use core::ops::Deref;

/// A frame of some [`Frames`], which stay for as long as this. Drivers do not see it.
///
/// # Invariants
///
/// `pfn` is that of frame `index` of `frames`.
pub struct FoundFrame<F> {
    frames: F,
    index: usize,
    pfn: usize,
    /// True if the protection of the VMA lacks the memory type.
    has_own_type: bool,
}

impl<F: Deref<Target = Frames>> FoundFrame<F> {
    #[inline]
    fn new(frames: F, index: usize, has_own_type: bool) -> Result<Self> {
        let pfn = frames.pfn(index).ok_or(EINVAL)?;

        // INVARIANT: The number was just taken from there.
        Ok(Self {
            frames,
            index,
            pfn,
            has_own_type,
        })
    }

    /// A frame of the memory type that its VMA has, or `EINVAL`.
    #[inline]
    pub(super) fn of_vma_type(frames: F, index: usize) -> Result<Self> {
        Self::new(frames, index, false)
    }

    /// A frame whose VMA has the protection of normal memory, or `EINVAL`.
    #[inline]
    pub(super) fn of_own_type(frames: F, index: usize) -> Result<Self> {
        Self::new(frames, index, true)
    }

    /// Returns the number of the frame.
    #[inline]
    pub(in super::super) fn pfn(&self) -> usize {
        self.pfn
    }

    /// Returns whether it is mapped as the kernel's memory.
    #[inline]
    pub(in super::super) fn is_normal_memory(&self) -> bool {
        self.frames.is_normal_memory()
    }

    /// Returns the protection of an entry for it, from that of the VMA.
    #[inline]
    pub(in crate::mm::vma) fn entry_prot(&self, vma_prot: PageProt) -> PageProt {
        if self.has_own_type {
            self.frames.vma_prot(vma_prot)
        } else {
            self.frames.entry_prot(vma_prot)
        }
    }

    /// Returns how many frames from this one on are contiguous and of one piece, at most `max`.
    #[inline]
    pub(in super::super) fn run(&self, max: usize) -> usize {
        self.frames.run(self.index, max)
    }

    /// Returns whether it is mapped as memory that is not encrypted.
    #[inline]
    pub(in super::super) fn is_decrypted(&self) -> bool {
        self.frames.is_decrypted()
    }

    /// Returns the number of the frame that is `before` frames before this one, if it and the
    /// `pages - 1` frames after it are contiguous, of one piece, and have a huge entry.
    #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
    pub(in super::super) fn around(&self, before: usize, pages: usize) -> Option<usize> {
        let first = self.index.checked_sub(before)?;
        let is_huge = self.frames.fits_huge_entries() && self.frames.run(first, pages) == pages;

        is_huge.then(|| self.frames.pfn(first))?
    }
}
