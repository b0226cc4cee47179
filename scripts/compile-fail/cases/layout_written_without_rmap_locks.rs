// SPDX-License-Identifier: GPL-2.0
//! The extent of a VMA is written with its reverse mappings locked, too: stack expansion under less
//! was CVE-2023-3269.

use kernel::mm::vma::{order::VmaLock, LockOrder, Vma, VmaWrite};

fn grow_down(vma: &Vma<VmaWrite>, order: &mut LockOrder<'_, VmaLock>, start: usize) {
    #[cfg(misuse)]
    let (all, _) = (vma, order);
    #[cfg(not(misuse))]
    let all = vma.lock_rmap(order);
    // SAFETY: This is only compiled.
    unsafe { all.set_start(start) }; //~ E0277 "needs the mmap, VMA and rmap write locks"
}
