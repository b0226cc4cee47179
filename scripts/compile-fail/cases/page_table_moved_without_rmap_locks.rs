// SPDX-License-Identifier: GPL-2.0
//! To move a page table takes every lock.

use kernel::mm::vma::{order::VmaLock, LockOrder, Vma, VmaWrite};

fn relocate(
    vma: &Vma<VmaWrite>,
    order: &mut LockOrder<'_, VmaLock>,
    from: usize,
    to: usize,
) -> bool {
    #[cfg(misuse)]
    let (all, _) = (vma, order);
    #[cfg(not(misuse))]
    let all = vma.lock_rmap(order);
    // SAFETY: This is only compiled.
    unsafe { all.move_pte_table(from, vma, to) }.is_ok() //~ E0277 "needs the mmap, VMA and rmap write locks"
}
