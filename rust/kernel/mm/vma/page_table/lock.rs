// SPDX-License-Identifier: GPL-2.0

//! `page_table_lock`: the lock of the upper page tables, and of `vma->anon_vma` while that is NULL.

use super::super::{
    level::{
        Level,
        Stable, //
    },
    Vma, //
};
use crate::{
    bindings,
    mm::Mm,
    types::NotThreadSafe, //
};
use core::ptr;

/// Proof that `page_table_lock` of an address space is held.
///
/// Only ever lent to the closure of [`Vma::with_page_table_lock()`].
///
/// # Invariants
///
/// The calling task holds `page_table_lock` of `mm`.
pub struct PageTableLock<'p> {
    mm: &'p Mm,
    _nts: NotThreadSafe,
}

impl PageTableLock<'_> {
    /// Whether this is the lock of `mm`.
    #[inline]
    pub fn is_of(&self, mm: &Mm) -> bool {
        ptr::eq(self.mm, mm)
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
        let mm = self.mm();
        // SAFETY: The mm is alive; this makes a pointer.
        let lock = unsafe { &raw mut (*mm.as_raw()).__bindgen_anon_1.page_table_lock };

        // SAFETY: The lock is alive and was initialised with the mm.
        unsafe { bindings::spin_lock(lock) };

        // INVARIANT: The lock was just taken, and is released after `f` has returned.
        let result = f(&PageTableLock {
            mm,
            _nts: NotThreadSafe,
        });

        // SAFETY: The lock was taken above.
        unsafe { bindings::spin_unlock(lock) };

        result
    }
}
