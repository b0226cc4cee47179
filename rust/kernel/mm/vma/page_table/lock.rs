// SPDX-License-Identifier: GPL-2.0

//! `page_table_lock`: the lock of the upper page tables, and of `vma->anon_vma` while that is NULL.

use super::super::{
    level::{
        Level,
        Stable, //
    },
    mm_handle::MmId,
    Vma, //
};
use crate::{
    bindings,
    types::NotThreadSafe, //
};
use core::marker::PhantomData;

/// Proof that `page_table_lock` of an address space is held.
///
/// Only ever lent to the closure of [`Vma::with_page_table_lock()`].
///
/// # Invariants
///
/// The calling task holds `page_table_lock` of the address space `mm`, which is alive for `'p`.
pub struct PageTableLock<'p> {
    mm: MmId,
    _lent: PhantomData<&'p ()>,
    _nts: NotThreadSafe,
}

impl PageTableLock<'_> {
    /// Returns whether this is the lock of the address space `mm`.
    #[inline]
    pub fn is_of(&self, mm: MmId) -> bool {
        self.mm == mm
    }
}

impl<L: Level> Vma<L> {
    /// Runs `f` with `page_table_lock` of the VMA's address space held.
    ///
    /// A spinlock, taken inside of all other locks that are known here: `f` must neither sleep nor
    /// touch page tables by this API.
    #[doc(alias = "page_table_lock")]
    #[inline]
    pub fn with_page_table_lock<R>(&self, f: impl FnOnce(&PageTableLock<'_>) -> R) -> R
    where
        L: Stable,
    {
        // SAFETY: The VMA is alive, and by `L: Stable` so is its mm; this makes a pointer.
        let lock = unsafe { &raw mut (*(*self.as_raw()).vm_mm).__bindgen_anon_1.page_table_lock };

        // SAFETY: The lock is alive and was initialised with the mm.
        unsafe { bindings::spin_lock(lock) };

        // INVARIANT: The lock was just taken, and is released after `f` has returned.
        let result = f(&PageTableLock {
            mm: self.mm_id(),
            _lent: PhantomData,
            _nts: NotThreadSafe,
        });

        // SAFETY: The lock was taken above.
        unsafe { bindings::spin_unlock(lock) };

        result
    }
}
