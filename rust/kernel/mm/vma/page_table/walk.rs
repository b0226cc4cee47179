// SPDX-License-Identifier: GPL-2.0

//! Finding, making and zapping page table entries.

use super::{
    super::{
        level::Stable,
        Vma, //
    },
    entry::{
        Pmd,
        PteSlot, //
    }, //
};
use crate::{
    bindings,
    types::ScopeGuard, //
};
use core::{
    ops::Range,
    ptr::{
        self,
        NonNull, //
    }, //
};

/// Why there is no page table entry to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPte {
    /// The address is not inside the VMA.
    OutOfRange,

    /// There is no table: nothing is mapped around the address.
    Missing,

    /// A huge page is mapped there, or the VMA is one of hugetlb, whose tables have other rules.
    Huge,

    /// There is a table already.
    Occupied,

    /// No memory for a table.
    NoMemory,

    /// This architecture cannot do it.
    NotSupported,
}

#[inline]
pub(super) fn with_pte<L: Stable, R>(
    vma: &Vma<L>,
    addr: usize,
    f: impl FnOnce(&mut PteSlot<'_, L>) -> R,
) -> Result<R, NoPte> {
    let (pte, lock) = map_lock(vma.as_raw(), addr)?;
    let locked = ScopeGuard::new(|| unmap_unlock(pte, lock));

    // SAFETY: `map_lock()` has mapped and locked the entry of `addr`; `locked` undoes it after `f`.
    let result = f(&mut unsafe { PteSlot::new(pte, addr, vma) });

    drop(locked);
    Ok(result)
}

#[inline]
pub(super) fn with_pmd<L: Stable, R>(
    vma: &Vma<L>,
    addr: usize,
    f: impl FnOnce(Pmd) -> R,
) -> Result<R, NoPte> {
    let (pmd, lock) = pmd_lock(vma.as_raw(), addr)?;
    let result = f(pmd);
    // SAFETY: The lock was taken by `pmd_lock()`.
    unsafe { bindings::spin_unlock(lock) };
    Ok(result)
}

/// Whether all of `range` is inside of a VMA that a caller keeps stable.
#[inline]
pub(super) fn contains(vma: *mut bindings::vm_area_struct, range: &Range<usize>) -> bool {
    // SAFETY: All callers have a view of the VMA at a stable level, and each of these keeps the
    // layout from being written.
    let layout = unsafe { (*vma).__bindgen_anon_1.__bindgen_anon_1 };

    range.start < range.end && layout.vm_start <= range.start && range.end <= layout.vm_end
}

/// Whether `vma` has page tables that follow the rules of this module.
fn check(vma: *mut bindings::vm_area_struct, addr: usize) -> Result<(), NoPte> {
    let end = addr.checked_add(1).ok_or(NoPte::OutOfRange)?;
    if !contains(vma, &(addr..end)) {
        return Err(NoPte::OutOfRange);
    }

    // SAFETY: All callers have a view of the VMA at a stable level. That flag does not change.
    if unsafe { bindings::is_vm_hugetlb_page(vma) } {
        return Err(NoPte::Huge);
    }

    Ok(())
}

/// The entry above the table of PTEs.
///
/// A table at this level is freed only after the VMA is out of reach of all locks, so what is
/// returned can be used for as long as the VMA is stable.
pub(super) fn find_pmd(
    vma: *mut bindings::vm_area_struct,
    addr: usize,
) -> Result<NonNull<bindings::pmd_t>, NoPte> {
    check(vma, addr)?;

    let mut huge = false;
    // SAFETY: All callers have a view of the VMA at a stable level, so that its page tables are not
    // freed.
    let pmd = unsafe { bindings::vma_find_pmd(vma, addr, &mut huge) };

    NonNull::new(pmd).ok_or(if huge { NoPte::Huge } else { NoPte::Missing })
}

#[inline(never)]
fn map_lock(
    vma: *mut bindings::vm_area_struct,
    addr: usize,
) -> Result<(NonNull<bindings::pte_t>, *mut bindings::spinlock_t), NoPte> {
    loop {
        let pmd = find_pmd(vma, addr)?;

        // SAFETY: The entry is in a table that is not freed; this is one load of it.
        let value = Pmd(unsafe { bindings::pmdp_get_lockless(pmd.as_ptr()) });
        if value.is_none() {
            return Err(NoPte::Missing);
        }
        if !value.is_table() {
            return Err(NoPte::Huge);
        }

        let mut lock = ptr::null_mut();
        // SAFETY: The VMA, and so its mm, is alive. `pmd` is the entry for `addr` of that mm, found
        // under a lock that keeps the VMA stable.
        let pte =
            unsafe { bindings::pte_offset_map_lock((*vma).vm_mm, pmd.as_ptr(), addr, &mut lock) };
        if let Some(pte) = NonNull::new(pte) {
            return Ok((pte, lock));
        }

        // The table went away after it was seen, so what there is now is something else.
    }
}

#[inline(never)]
fn unmap_unlock(pte: NonNull<bindings::pte_t>, lock: *mut bindings::spinlock_t) {
    // SAFETY: The only caller is `with_pte()`, which got both from `map_lock()`.
    unsafe { bindings::pte_unmap_unlock(pte.as_ptr(), lock) };
}

#[inline(never)]
fn pmd_lock(
    vma: *mut bindings::vm_area_struct,
    addr: usize,
) -> Result<(Pmd, *mut bindings::spinlock_t), NoPte> {
    let pmd = find_pmd(vma, addr)?;

    // SAFETY: `pmd` is an entry of the VMA's mm, in a table that is not freed.
    unsafe {
        let lock = bindings::pmd_lock((*vma).vm_mm, pmd.as_ptr());
        Ok((Pmd(bindings::pmdp_get(pmd.as_ptr())), lock))
    }
}

#[inline(never)]
pub(super) fn alloc_tables(vma: *mut bindings::vm_area_struct, addr: usize) -> Result<(), NoPte> {
    check(vma, addr)?;

    // SAFETY: The only caller has a view of the VMA at a level that permits to install entries.
    // What is made there is what a page fault makes.
    match unsafe { bindings::vma_alloc_pte_table(vma, addr) } {
        0 => Ok(()),
        _ => Err(NoPte::NoMemory),
    }
}

#[inline]
pub(super) fn zap(vma: *mut bindings::vm_area_struct, range: Range<usize>) -> Result<(), NoPte> {
    if !contains(vma, &range) {
        return Err(NoPte::OutOfRange);
    }

    // SAFETY: The only caller has a view of the VMA at a stable level, and the range is inside.
    unsafe { bindings::zap_vma_range(vma, range.start, range.end - range.start) };
    Ok(())
}
