// SPDX-License-Identifier: GPL-2.0
//! The VMA write lock comes before the rmap locks, not after.

use kernel::mm::vma::{order::VmaLock, LockOrder, Vma, VmaWrite};

fn again(vma: &Vma<VmaWrite>, order: &mut LockOrder<'_, VmaLock>) -> usize {
    #[cfg(misuse)]
    let start = vma.lock_rmap(order).start_write().start(); //~ E0277 "does not hold the mmap write lock"
    #[cfg(not(misuse))]
    let start = vma.start_write().lock_rmap(order).start();
    start
}
