// SPDX-License-Identifier: GPL-2.0

//! Mapping a range of frames at once, piece by piece (C: `remap_pfn_range()`).

use super::PfnBacked;
use crate::{
    mm::vma::PageProt,
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*, //
};
use core::ops::Range;

/// The C arguments that map frames which are contiguous.
pub(in super::super) struct Run {
    pub(in super::super) addr: usize,
    pub(in super::super) pfn: usize,
    /// In bytes, and not zero.
    pub(in super::super) len: usize,
    pub(in super::super) prot: PageProt,
    pub(in super::super) is_decrypted: bool,
}

/// A range of frames to be mapped, of which there are all.
pub(in super::super) struct Remap<'d, D> {
    data: &'d D,
    addrs: Range<usize>,
    frame: usize,
}

impl<'d, D: PfnBacked> Remap<'d, D> {
    /// Checks the range: `pages` frames of `data` from `frame` on, at `addr`, in a VMA with the
    /// addresses `vma`.
    ///
    /// `EINVAL` if `pages` is zero, if the range is not one of whole pages in the VMA, or if the
    /// frames are not all there.
    pub(in super::super) fn new(
        data: &'d D,
        vma: Range<usize>,
        addr: usize,
        frame: usize,
        pages: usize,
    ) -> Result<Self> {
        let len = pages.checked_mul(PAGE_SIZE).ok_or(EINVAL)?;
        let end = addr.checked_add(len).ok_or(EINVAL)?;
        let last = pages
            .checked_sub(1)
            .and_then(|more| frame.checked_add(more))
            .ok_or(EINVAL)?;

        // If there is the last one, so are those before.
        data.piece(last)?;
        if addr & (PAGE_SIZE - 1) != 0 || addr < vma.start || end > vma.end {
            return Err(EINVAL);
        }
        Ok(Self {
            data,
            addrs: addr..end,
            frame,
        })
    }

    /// Returns all as one run, in a VMA with this protection, or `EINVAL`.
    pub(in super::super) fn only(mut self, vma_prot: PageProt) -> Result<Run> {
        let run = self.next(vma_prot)?.ok_or(EINVAL)?;

        if self.addrs.is_empty() {
            Ok(run)
        } else {
            Err(EINVAL)
        }
    }

    /// Returns the next run, in a VMA with this protection, or `None` after the last one.
    pub(in super::super) fn next(&mut self, vma_prot: PageProt) -> Result<Option<Run>> {
        if self.addrs.is_empty() {
            return Ok(None);
        }
        let found = self.data.piece(self.frame)?;
        let pages = found.run((self.addrs.end - self.addrs.start) >> PAGE_SHIFT);
        let run = Run {
            addr: self.addrs.start,
            pfn: found.pfn(),
            len: pages << PAGE_SHIFT,
            prot: found.entry_prot(vma_prot),
            is_decrypted: found.is_decrypted(),
        };
        self.addrs.start += run.len;
        self.frame += pages;
        Ok(Some(run))
    }
}
