// SPDX-License-Identifier: GPL-2.0

//! Page table entries: their values, and the slot of one that is locked.
//!
//! C header: [`include/linux/pgtable.h`](srctree/include/linux/pgtable.h)

use super::super::{
    Level,
    Vma, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};

/// The value of an entry that maps one page or refers to one in swap (C: `pte_t`).
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Pte(bindings::pte_t);

impl Pte {
    /// Unwraps the C type, for other abstractions.
    #[inline]
    pub fn into_raw(self) -> bindings::pte_t {
        self.0
    }

    /// Returns whether the entry is empty, so that an access faults (C: `pte_none()`).
    #[doc(alias = "pte_none")]
    #[inline]
    pub fn is_none(self) -> bool {
        // SAFETY: This looks at a value.
        unsafe { bindings::pte_none(self.0) }
    }

    /// Returns whether a page is mapped (C: `pte_present()`).
    #[doc(alias = "pte_present")]
    #[inline]
    pub fn is_present(self) -> bool {
        // SAFETY: This looks at a value.
        unsafe { bindings::pte_present(self.0) }
    }

    /// Returns whether a page is mapped and can be written without a fault (C: `pte_write()`).
    #[doc(alias = "pte_write")]
    #[inline]
    pub fn is_writable(self) -> bool {
        // SAFETY: This looks at a value.
        self.is_present() && unsafe { bindings::pte_write(self.0) }
    }

    /// Returns whether a page is mapped and was written through this entry (C: `pte_dirty()`).
    #[doc(alias = "pte_dirty")]
    #[inline]
    pub fn is_dirty(self) -> bool {
        // SAFETY: This looks at a value.
        self.is_present() && unsafe { bindings::pte_dirty(self.0) }
    }

    /// Returns the page frame number of the page, if one is mapped (C: `pte_pfn()`).
    #[doc(alias = "pte_pfn")]
    #[inline]
    pub fn pfn(self) -> Option<usize> {
        // SAFETY: This looks at a value.
        self.is_present()
            .then(|| unsafe { bindings::pte_pfn(self.0) })
    }
}

impl PartialEq for Pte {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        // SAFETY: This compares two values.
        unsafe { bindings::pte_same(self.0, other.0) }
    }
}

impl Eq for Pte {}

/// The value of an entry that maps a table of PTEs or a huge page (C: `pmd_t`).
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Pmd(pub(super) bindings::pmd_t);

impl Pmd {
    /// The size that one entry maps, in bytes (C: `PMD_SIZE`).
    pub const SIZE: usize = 1 << bindings::VMA_PMD_SHIFT;

    /// Returns whether the entry is empty (C: `pmd_none()`).
    #[doc(alias = "pmd_none")]
    #[inline]
    pub fn is_none(self) -> bool {
        // SAFETY: This looks at a value.
        unsafe { bindings::pmd_none(self.0) }
    }

    /// Returns whether the entry is a table of PTEs (C: `pmd_present()` and not `pmd_leaf()`).
    #[doc(alias = "pmd_present")]
    #[inline]
    pub fn is_table(self) -> bool {
        // SAFETY: This looks at a value.
        unsafe { bindings::pmd_present(self.0) && !bindings::pmd_leaf(self.0) }
    }

    /// Returns whether the entry maps a huge page (C: `pmd_leaf()`).
    #[doc(alias = "pmd_leaf")]
    #[inline]
    pub fn is_leaf(self) -> bool {
        // SAFETY: This looks at a value.
        unsafe { bindings::pmd_present(self.0) && bindings::pmd_leaf(self.0) }
    }
}

/// A page table entry, with the lock of its table held.
///
/// It can be read. Locks are not enough to write it: TLBs, secondary MMUs, references to pages and
/// the counts of mapped and resident pages have to be updated, by functions that only `mm/` has. A
/// driver installs entries by [`DriverVma`](super::super::DriverVma).
///
/// Only ever lent to the closure of [`Vma::with_pte()`] or `Vma::with_pte_alloc()`.
///
/// # Invariants
///
/// `pte` is a mapped entry of a VMA that `'p` borrows at the level `L`, and the calling task holds
/// the lock of its table.
pub struct PteSlot<'p, L: Level> {
    pte: NonNull<bindings::pte_t>,
    _vma: PhantomData<&'p Vma<L>>,
}

impl<'p, L: Level> PteSlot<'p, L> {
    /// # Safety
    ///
    /// The type invariants must hold for `'p`.
    #[inline]
    pub(super) unsafe fn new(pte: NonNull<bindings::pte_t>, _vma: &'p Vma<L>) -> Self {
        // INVARIANT: Guaranteed by the caller.
        Self {
            pte,
            _vma: PhantomData,
        }
    }

    /// Reads the entry (C: `ptep_get()`).
    ///
    /// Hardware may set the bits "accessed" and "dirty" concurrently.
    #[doc(alias = "ptep_get")]
    #[inline]
    pub fn get(&self) -> Pte {
        // SAFETY: By the type invariants the entry is mapped and its lock is held.
        Pte(unsafe { bindings::ptep_get(self.pte.as_ptr()) })
    }
}
