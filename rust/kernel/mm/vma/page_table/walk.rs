// SPDX-License-Identifier: GPL-2.0

//! Finding, making and zapping page table entries.

use super::{
    super::{
        level::{
            InstallEntries,
            Stable, //
        },
        Vma,
        VmaFlag, //
    },
    entry::{
        Pmd,
        PteSlot, //
    }, //
};
use crate::{
    bindings,
    page::PAGE_SIZE,
    types::ScopeGuard, //
};
use core::{
    ops::Range,
    ptr::{
        self,
        NonNull, //
    }, //
};

/// Error of an operation on a page table entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PteError {
    /// The address is not inside the VMA, or a range is not one of whole pages.
    OutOfRange,

    /// There is no table: nothing is mapped around the address.
    Missing,

    /// A huge page is mapped there, or the VMA is one of hugetlb, whose tables have other rules.
    Huge,

    /// There is no memory for a table.
    NoMemory,
}

#[inline]
pub(super) fn with_pte<L: Stable, R>(
    vma: &Vma<L>,
    addr: usize,
    f: impl FnOnce(&PteSlot<'_, L>) -> R,
) -> Result<R, PteError> {
    check(vma, addr)?;

    // SAFETY: By `L: Stable` the VMA is stable, and the address was checked.
    let (pte, lock) = unsafe { map_lock(vma.as_raw(), addr) }?;
    // SAFETY: `map_lock()` has mapped and locked the entry, and this is called once.
    let locked = ScopeGuard::new(|| unsafe { unmap_unlock(pte, lock) });

    // SAFETY: `map_lock()` has mapped and locked the entry of `addr`; `locked` undoes it after `f`.
    let result = f(&unsafe { PteSlot::new(pte, vma) });

    drop(locked);
    Ok(result)
}

#[inline]
pub(super) fn with_pmd<L: Stable, R>(
    vma: &Vma<L>,
    addr: usize,
    f: impl FnOnce(Pmd) -> R,
) -> Result<R, PteError> {
    check(vma, addr)?;

    // SAFETY: By `L: Stable` the VMA is stable, and the address was checked.
    let (pmd, lock) = unsafe { pmd_lock(vma.as_raw(), addr) }?;
    let result = f(pmd);
    // SAFETY: The lock was taken by `pmd_lock()`.
    unsafe { bindings::spin_unlock(lock) };
    Ok(result)
}

#[inline]
pub(in crate::mm::vma) fn alloc_tables<L: InstallEntries>(
    vma: &Vma<L>,
    addr: usize,
) -> Result<(), PteError> {
    check(vma, addr)?;

    // SAFETY: By `L: InstallEntries` the VMA is stable and entries may be installed, and the
    // address was checked.
    unsafe { alloc_pte_table(vma.as_raw(), addr) }
}

/// Zaps the pages of a range.
///
/// # Safety
///
/// As for `Vma::zap()`.
#[inline]
pub(in crate::mm::vma) unsafe fn zap<L: Stable>(
    vma: &Vma<L>,
    range: Range<usize>,
) -> Result<(), PteError> {
    if (range.start | range.end) % PAGE_SIZE != 0 || !contains(vma, &range) {
        return Err(PteError::OutOfRange);
    }
    if is_hugetlb(vma) {
        return Err(PteError::Huge);
    }

    // SAFETY: By `L: Stable` the VMA is stable. The range is one of whole pages inside the VMA. The
    // pages may be zapped, as guaranteed by the caller.
    unsafe { bindings::zap_vma_range(vma.as_raw(), range.start, range.end - range.start) };
    Ok(())
}

/// Returns whether `range` is not empty and entirely inside the VMA.
#[inline]
fn contains<L: Stable>(vma: &Vma<L>, range: &Range<usize>) -> bool {
    // SAFETY: The VMA is alive, and at each stable level nobody writes its layout.
    let layout = unsafe { (*vma.as_raw()).__bindgen_anon_1.__bindgen_anon_1 };

    range.start < range.end && layout.vm_start <= range.start && range.end <= layout.vm_end
}

/// Returns whether the VMA is one of hugetlb, which does not change (C: `is_vm_hugetlb_page()`).
#[inline]
fn is_hugetlb<L: Stable>(vma: &Vma<L>) -> bool {
    vma.flags_racy().contains(VmaFlag::HUGETLB)
}

/// Returns an error unless `addr` has page tables that follow the rules of this module.
fn check<L: Stable>(vma: &Vma<L>, addr: usize) -> Result<(), PteError> {
    let end = addr.checked_add(1).ok_or(PteError::OutOfRange)?;
    if !contains(vma, &(addr..end)) {
        return Err(PteError::OutOfRange);
    }
    if is_hugetlb(vma) {
        return Err(PteError::Huge);
    }

    Ok(())
}

// These functions call some that are not exported, so modules reach them through the crate.

/// Finds the entry above the table of PTEs.
///
/// A table at this level is freed only after the VMA is out of reach of all locks, so the entry can
/// be used for as long as the VMA is stable.
///
/// # Safety
///
/// `vma` must point to a stable VMA that is not one of hugetlb, and `addr` must be inside of it.
unsafe fn find_pmd(
    vma: *mut bindings::vm_area_struct,
    addr: usize,
) -> Result<NonNull<bindings::pmd_t>, PteError> {
    let mut huge = false;
    // SAFETY: Guaranteed by the caller: the VMA is stable, so its page tables are not freed.
    let pmd = unsafe { bindings::vma_find_pmd(vma, addr, &mut huge) };

    NonNull::new(pmd).ok_or(if huge {
        PteError::Huge
    } else {
        PteError::Missing
    })
}

/// Maps and locks the entry of an address.
///
/// # Safety
///
/// As for [`find_pmd()`].
#[inline(never)]
unsafe fn map_lock(
    vma: *mut bindings::vm_area_struct,
    addr: usize,
) -> Result<(NonNull<bindings::pte_t>, *mut bindings::spinlock_t), PteError> {
    loop {
        // SAFETY: By the contract of this function.
        let pmd = unsafe { find_pmd(vma, addr) }?;

        // SAFETY: The entry is in a table that is not freed; this is one load of it.
        let value = Pmd(unsafe { bindings::pmdp_get_lockless(pmd.as_ptr()) });
        if value.is_none() {
            return Err(PteError::Missing);
        }
        if !value.is_table() {
            return Err(PteError::Huge);
        }

        let mut lock = ptr::null_mut();
        // SAFETY: The VMA, and so its mm, is alive. `pmd` is the entry for `addr` of that mm, found
        // under a lock that keeps the VMA stable.
        let pte =
            unsafe { bindings::pte_offset_map_lock((*vma).vm_mm, pmd.as_ptr(), addr, &mut lock) };
        if let Some(pte) = NonNull::new(pte) {
            return Ok((pte, lock));
        }

        // The table went away after it was seen, so the entry has changed.
    }
}

/// Undoes [`map_lock()`].
///
/// # Safety
///
/// Both must be what `map_lock()` has returned to this task, and must not have been given up.
#[inline(never)]
unsafe fn unmap_unlock(pte: NonNull<bindings::pte_t>, lock: *mut bindings::spinlock_t) {
    // SAFETY: Guaranteed by the caller: the entry is mapped, and the lock is held.
    unsafe { bindings::pte_unmap_unlock(pte.as_ptr(), lock) };
}

/// Locks the entry above the table of PTEs, and reads it.
///
/// # Safety
///
/// As for [`find_pmd()`].
#[inline(never)]
unsafe fn pmd_lock(
    vma: *mut bindings::vm_area_struct,
    addr: usize,
) -> Result<(Pmd, *mut bindings::spinlock_t), PteError> {
    // SAFETY: By the contract of this function.
    let pmd = unsafe { find_pmd(vma, addr) }?;

    // SAFETY: `pmd` is an entry of the VMA's mm, in a table that is not freed.
    unsafe {
        let lock = bindings::pmd_lock((*vma).vm_mm, pmd.as_ptr());
        Ok((Pmd(bindings::pmdp_get(pmd.as_ptr())), lock))
    }
}

/// Makes the tables down to the PTEs of an address, unless a huge page is there.
///
/// # Safety
///
/// As for [`find_pmd()`], and the task must hold the mmap lock or the VMA lock of a VMA that is
/// neither a copy whose page tables are about to be filled nor unmapped already.
#[inline(never)]
unsafe fn alloc_pte_table(vma: *mut bindings::vm_area_struct, addr: usize) -> Result<(), PteError> {
    // SAFETY: Guaranteed by the caller. The tables are those that a page fault would make.
    match unsafe { bindings::vma_alloc_pte_table(vma, addr) } {
        0 => Ok(()),
        _ => Err(PteError::NoMemory),
    }
}
