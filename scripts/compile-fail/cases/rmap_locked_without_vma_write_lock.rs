// SPDX-License-Identifier: GPL-2.0
//! A VMA's reverse mappings are write-locked after the VMA itself.

use kernel::mm::vma::{order::MmapLock, LockOrder, MmapWrite, Vma};

fn hide(vma: &Vma<MmapWrite>, order: &mut LockOrder<'_, MmapLock>) -> usize {
    #[cfg(misuse)]
    let all = vma.lock_rmap(order); //~ E0277 "call `start_write()` on a view that `VmaLocks::write()` gives"
    #[cfg(not(misuse))]
    let all = vma.start_write().lock_rmap(order);
    all.start()
}
