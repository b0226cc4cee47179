// SPDX-License-Identifier: GPL-2.0

//! A fault where a huge page fits, and its answers.
//!
//! Only huge pages of a PMD can be mapped (C: `vmf_insert_pfn_pmd()`). Those of a PUD cannot
//! (`vmf_insert_pfn_pud()`), because C code does not expect them everywhere. `mremap()` clears such
//! an entry as a bad one, without flushing the TLB (`get_old_pud()`), so user space may keep access
//! to memory that is taken away later. And `vma_adjust_trans_huge()` does not split it with the
//! VMA, for which `__split_huge_pud_locked()` has a `VM_BUG_ON_VMA()`. Their faults fall back.

use super::{
    super::{
        brand::Brand,
        kind::OnlyFrames,
        operations::Borrowed,
        DriverVma,
        HasFrames,
        VmaOperations, //
    },
    context::{
        code_of,
        fault,
        Context, //
    },
    FaultFlags, //
};
#[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
use crate::mm::vma::driver::{
    FoundFrame,
    Frames, //
};
use crate::{
    bindings,
    error::Error,
    mm::vma::Read, //
};
use core::marker::PhantomData;
#[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
use core::ops::Deref;

/// A fault of a page that is not mapped, where a huge page fits.
#[must_use = "a fault has to be answered"]
pub struct HugeFault<'a, T: VmaOperations>(Context<'a, T>, u32);

/// The answer to a [`HugeFault`].
#[must_use = "the answer to a fault has to be returned"]
pub struct HugeFaultOutcome<'a>(bindings::vm_fault_t, Brand<'a>);

fault!(HugeFault, order: u32; HugeFaultOutcome);

impl<'a, T: VmaOperations> HugeFault<'a, T> {
    /// Returns the order of the huge page: the binary logarithm of its number of pages.
    #[inline]
    pub fn order(&self) -> u32 {
        self.1
    }

    /// Declines the huge page, so the fault comes again as a [`Fault`](super::Fault)
    /// (C: `VM_FAULT_FALLBACK`).
    #[inline]
    pub fn fallback(self) -> HugeFaultOutcome<'a> {
        self.answer(bindings::vm_fault_reason_VM_FAULT_FALLBACK)
    }

    /// Maps the huge page of frames around this address, and answers with the outcome
    /// (C: `vmf_insert_pfn_pmd()`).
    ///
    /// `frame` is the frame of the region at the address of the fault. The entry gets the
    /// protection of the VMA, so it is writable if the VMA is, whether the access was a write or
    /// not. If it is not writable, as in a VMA with
    /// [`pfn_mkwrite`](VmaOperations::pfn_mkwrite), a write splits the huge page.
    ///
    /// May sleep, for memory.
    ///
    /// Falls back to small pages if the huge page is not entirely inside the VMA and one piece of
    /// the region, if its frames are not aligned as its addresses, if something is already mapped
    /// there, if its memory type is write-through or not that of the VMA, which has several, or
    /// without `CONFIG_ARCH_SUPPORTS_PMD_PFNMAP`.
    #[doc(alias = "vmf_insert_pfn_pmd")]
    #[inline]
    pub fn insert_pfn_pmd(self, frame: usize) -> HugeFaultOutcome<'a>
    where
        T::PageKind: OnlyFrames,
        T::Data: HasFrames,
    {
        #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
        if let Some(code) = self.try_insert_pfn_pmd(frame) {
            return self.answer(code);
        }

        let _ = frame;
        self.fallback()
    }

    /// Returns `None` where `insert_pfn_pmd()` falls back.
    #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
    #[inline]
    fn try_insert_pfn_pmd(&self, frame: usize) -> Option<bindings::vm_fault_t>
    where
        T::Data: HasFrames,
    {
        // Never as a write: `insert_pmd()` then expects that nothing else was mapped concurrently,
        // and warns. `vfio_pci_core` does the same.
        let write = false;
        let found = T::Data::find(self.data(), frame).ok()?;
        let pfn = self.huge_pfn(&found)?;

        // SAFETY: By the type invariants of the context `vmf` is valid, and the VMA is `VM_PFNMAP`,
        // not `VM_MIXEDMAP`, and no copy-on-write mapping; its protection is that of the frames.
        // All frames of the huge page are of one piece, and in the VMA. They stay until the VMA is
        // unmapped; those that can be taken away are there until `found` is dropped, and their
        // entries are taken away before they go.
        Some(unsafe { bindings::vmf_insert_pfn_pmd(self.0.vmf.as_ptr(), pfn, write) })
    }

    /// Returns the first frame of the huge page that has this one at the address of the fault.
    ///
    /// Returns `None` where `insert_pfn_pmd()` falls back.
    #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
    fn huge_pfn(&self, found: &FoundFrame<impl Deref<Target = Frames>>) -> Option<usize> {
        use crate::{
            mm::vma::page_table::Pmd,
            page::PAGE_SHIFT, //
        };

        const PAGES: usize = Pmd::SIZE >> PAGE_SHIFT;
        let vma = self.vma();
        let start = self.address() & !(Pmd::SIZE - 1);
        let end = start.checked_add(Pmd::SIZE)?;
        let before = (self.address() - start) >> PAGE_SHIFT;

        let pfn = found.around(before, PAGES)?;

        let fits = start >= vma.start() && end <= vma.end() && pfn % PAGES == 0;
        // `vmf_insert_pfn_pmd()` takes the protection of the VMA as it is.
        let prot = vma.page_prot();
        let fits = fits && found.entry_prot(prot) == prot;
        (fits && self.order() == PAGES.trailing_zeros() && self.is_unmapped()).then_some(pfn)
    }

    /// Returns whether there is neither a table nor a huge page (C: `pmd_none()`).
    ///
    /// The order must be that of a PMD. If there is one, a write hit a huge page that cannot be
    /// written (`wp_huge_pmd()`), or another task mapped something first. `VM_FAULT_FALLBACK`
    /// splits the former and retries after the latter. `insert_pmd()` would do nothing, so the
    /// write would fault without end.
    #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
    fn is_unmapped(&self) -> bool {
        // SAFETY: By the type invariants of the context `vmf` is valid. `__handle_mm_fault()` has
        // set `vmf->pmd` before a huge fault of this order; the tables above are not freed while
        // the VMA is locked.
        unsafe { bindings::pmd_none(bindings::pmdp_get_lockless((*self.0.vmf.as_ptr()).pmd)) }
    }
}
