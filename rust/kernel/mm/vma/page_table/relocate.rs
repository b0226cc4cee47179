// SPDX-License-Identifier: GPL-2.0

//! Moving a table of page table entries to another address.
//!
//! C source: `move_normal_pmd()` in [`mm/mremap.c`](srctree/mm/mremap.c)

use super::{
    super::{
        rmap::{
            AnonVma,
            IMmap, //
        },
        Read,
        Vma, //
    },
    entry::Pmd,
    walk::{
        contains,
        find_pmd,
        NoPte, //
    }, //
};
use crate::bindings;
use core::ptr;

/// Moves the table of `from` to `to_addr`; see `Vma::move_pte_table()`.
///
/// All locks of `vma`, and the mmap and VMA write locks of `to`, are held by whoever calls this.
pub(super) fn move_pte_table(
    vma: &Vma<Read>,
    from: usize,
    to: &Vma<Read>,
    to_addr: usize,
) -> Result<(), NoPte> {
    if !cfg!(CONFIG_HAVE_MOVE_PMD) {
        return Err(NoPte::NotSupported);
    }

    for (vma, addr) in [(vma, from), (to, to_addr)] {
        let end = addr.checked_add(Pmd::SIZE).ok_or(NoPte::OutOfRange)?;
        if addr % Pmd::SIZE != 0 || !contains(vma.as_raw(), &(addr..end)) {
            return Err(NoPte::OutOfRange);
        }
        if vma.userfaultfd_ctx().is_some() {
            return Err(NoPte::NotSupported);
        }
    }

    if !same_locks(vma, to) {
        return Err(NoPte::OutOfRange);
    }

    let old = find_pmd(vma.as_raw(), from)?.as_ptr();
    let new = find_pmd(to.as_raw(), to_addr)?.as_ptr();

    // SAFETY: Both entries are of this mm, in tables that are not freed. Who has the mmap write
    // lock may take two of these locks in any order, as in C. What is moved is the table that was
    // there, once, and its place is empty after that.
    unsafe {
        let mm = vma.mm().as_raw();
        let old_lock = bindings::pmd_lock(mm, old);
        let new_lock = bindings::pmd_lockptr(mm, new);
        if new_lock != old_lock {
            bindings::spin_lock_nested(new_lock, bindings::SINGLE_DEPTH_NESTING as i32);
        }

        let value = Pmd(bindings::pmdp_get(old));
        let result = if value.is_none() {
            Err(NoPte::Missing)
        } else if !value.is_table() {
            Err(NoPte::Huge)
        } else if !Pmd(bindings::pmdp_get(new)).is_none() {
            Err(NoPte::Occupied)
        } else {
            bindings::pmd_clear(old);
            bindings::pmd_populate(mm, new, bindings::pmd_pgtable(value.0));
            bindings::flush_tlb_range(vma.as_raw(), from, from + Pmd::SIZE);
            Ok(())
        };

        if new_lock != old_lock {
            bindings::spin_unlock(new_lock);
        }
        bindings::spin_unlock(old_lock);

        result
    }
}

/// Whether the locks of `vma` also protect the page tables of `to`: the same address space, file
/// and family of anonymous memory.
fn same_locks(vma: &Vma<Read>, to: &Vma<Read>) -> bool {
    let i_mmap = |vma: &Vma<Read>| vma.file().map(|file| ptr::from_ref(IMmap::of(file)));
    let root = |vma: &Vma<Read>| vma.anon_vma().map(AnonVma::root);

    vma.mm_id() == to.mm_id() && i_mmap(vma) == i_mmap(to) && root(vma) == root(to)
}
