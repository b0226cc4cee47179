// SPDX-License-Identifier: GPL-2.0

//! Entries of page tables: values that were read, and the place of one that is locked.
//!
//! C header: [`include/linux/pgtable.h`](srctree/include/linux/pgtable.h)

use super::super::{
    level::{
        InstallEntries,
        Level,
        Stable, //
    },
    Vma, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};

/// The value of an entry that maps one page, or that stands for a page elsewhere (C: `pte_t`).
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Pte(bindings::pte_t);

impl Pte {
    /// Wraps the C type, for other abstractions.
    #[inline]
    pub fn from_raw(pte: bindings::pte_t) -> Self {
        Self(pte)
    }

    /// Unwraps the C type, for other abstractions.
    #[inline]
    pub fn into_raw(self) -> bindings::pte_t {
        self.0
    }

    /// Nothing is there; an access faults, and the VMA says what happens (C: `pte_none()`).
    #[doc(alias = "pte_none")]
    #[inline]
    pub fn is_none(self) -> bool {
        // SAFETY: This looks at a value.
        unsafe { bindings::pte_none(self.0) }
    }

    /// A page is mapped (C: `pte_present()`).
    #[doc(alias = "pte_present")]
    #[inline]
    pub fn is_present(self) -> bool {
        // SAFETY: This looks at a value.
        unsafe { bindings::pte_present(self.0) }
    }

    /// A page is mapped and can be written without a fault (C: `pte_write()`).
    #[doc(alias = "pte_write")]
    #[inline]
    pub fn is_writable(self) -> bool {
        // SAFETY: This looks at a value.
        self.is_present() && unsafe { bindings::pte_write(self.0) }
    }

    /// A page is mapped and was written through this entry (C: `pte_dirty()`).
    #[doc(alias = "pte_dirty")]
    #[inline]
    pub fn is_dirty(self) -> bool {
        // SAFETY: This looks at a value.
        self.is_present() && unsafe { bindings::pte_dirty(self.0) }
    }

    /// The page frame number of the page, if one is mapped (C: `pte_pfn()`).
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
    /// How much one entry maps, in bytes (C: `PMD_SIZE`).
    pub const SIZE: usize = 1 << bindings::PMD_SHIFT;

    /// Nothing is there (C: `pmd_none()`).
    #[doc(alias = "pmd_none")]
    #[inline]
    pub fn is_none(self) -> bool {
        // SAFETY: This looks at a value.
        unsafe { bindings::pmd_none(self.0) }
    }

    /// A table of PTEs is there (C: `pmd_present()` and not `pmd_leaf()`).
    #[doc(alias = "pmd_present")]
    #[inline]
    pub fn is_table(self) -> bool {
        // SAFETY: This looks at a value.
        unsafe { bindings::pmd_present(self.0) && !bindings::pmd_leaf(self.0) }
    }

    /// A huge page is there (C: `pmd_leaf()`).
    #[doc(alias = "pmd_leaf")]
    #[inline]
    pub fn is_leaf(self) -> bool {
        // SAFETY: This looks at a value.
        unsafe { bindings::pmd_present(self.0) && bindings::pmd_leaf(self.0) }
    }
}

/// The place of a page table entry, with the lock of its table held.
///
/// Only ever lent to the closure of [`Vma::with_pte()`] or [`Vma::with_pte_alloc()`].
///
/// # Invariants
///
/// `pte` is the mapped entry for `addr` of the VMA that `'p` borrows at the level `L`, whose
/// table's lock the calling task holds.
pub struct PteSlot<'p, L: Level> {
    pte: NonNull<bindings::pte_t>,
    addr: usize,
    vma: &'p Vma<L>,
    _lock: PhantomData<*mut ()>,
}

impl<'p, L: Level> PteSlot<'p, L> {
    /// # Safety
    ///
    /// The type invariants must hold for `'p`.
    #[inline]
    pub(super) unsafe fn new(pte: NonNull<bindings::pte_t>, addr: usize, vma: &'p Vma<L>) -> Self {
        // INVARIANT: The caller answers for it.
        Self {
            pte,
            addr,
            vma,
            _lock: PhantomData,
        }
    }

    /// The entry's value now (C: `ptep_get()`).
    ///
    /// Hardware may set the bits "accessed" and "dirty" at any time.
    #[doc(alias = "ptep_get")]
    #[inline]
    pub fn get(&self) -> Pte {
        // SAFETY: By the type invariants the entry is mapped and its lock is held.
        Pte(unsafe { bindings::ptep_get(self.pte.as_ptr()) })
    }

    /// Writes the entry (C: `set_pte_at()`).
    ///
    /// # Safety
    ///
    /// The locks are not enough. The entry must be none, or be replaced as the architecture
    /// permits it. `pte` must map a page that the VMA may map, with a protection that it may have
    /// there, and whoever counts references to and mappings of that page must have counted this
    /// one.
    #[doc(alias = "set_pte_at")]
    #[inline]
    pub unsafe fn set(&mut self, pte: Pte)
    where
        L: InstallEntries,
    {
        set(self.vma.as_raw(), self.addr, self.pte, pte);
    }

    /// Clears the entry and flushes it from TLBs; returns what it was (C: `ptep_clear_flush()`).
    ///
    /// # Safety
    ///
    /// The locks are not enough. The caller gives up what the entry stood for: the reference to and
    /// the count of mappings of a page, or a swap entry.
    #[doc(alias = "ptep_clear_flush")]
    #[inline]
    pub unsafe fn clear(&mut self) -> Pte
    where
        L: Stable,
    {
        clear(self.vma.as_raw(), self.addr, self.pte)
    }
}

// What these functions reach is not exported, so modules reach it through the crate.

#[inline(never)]
fn set(vma: *mut bindings::vm_area_struct, addr: usize, pte: NonNull<bindings::pte_t>, value: Pte) {
    // SAFETY: The only caller is `PteSlot`, by whose invariants the entry belongs to `addr` and is
    // locked.
    unsafe { bindings::set_pte_at((*vma).vm_mm, addr, pte.as_ptr(), value.0) };
}

#[inline(never)]
fn clear(vma: *mut bindings::vm_area_struct, addr: usize, pte: NonNull<bindings::pte_t>) -> Pte {
    // SAFETY: As in `set()`.
    Pte(unsafe { bindings::ptep_clear_flush(vma, addr, pte.as_ptr()) })
}
