// SPDX-License-Identifier: GPL-2.0
//! `vma_start_read_locked()` does not look at `vm_lock_seq`: under the mmap write lock it would
//! read-lock a VMA that its caller has write-locked.
//@order: VMA read under mmap write

use kernel::mm::vma::{LockSubclass, MmapGuard, MmapWrite};

fn lock(mmap: MmapGuard<'_, MmapWrite>, addr: usize) {
    #[cfg(not(misuse))]
    let mmap = mmap.downgrade();
    let _one = mmap.lock_vma(addr); //~ E0277 "turn the mmap write lock into it with `downgrade()`"
    let _two = mmap.lock_vma_nested(addr, LockSubclass::SINGLE_DEPTH_NESTING); //~ E0277 "needs the mmap read lock"
}
