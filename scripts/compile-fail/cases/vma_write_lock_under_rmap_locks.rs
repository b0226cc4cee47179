// SPDX-License-Identifier: GPL-2.0
//! The VMA write lock comes before the rmap locks, not after.

use kernel::mm::vma::{Vma, VmaWrite};

fn again(vma: &Vma<VmaWrite>) -> usize {
    #[cfg(misuse)]
    let start = vma.lock_rmap().start_write().start(); //~ E0277 "does not hold the mmap write lock"
    #[cfg(not(misuse))]
    let start = vma.start_write().lock_rmap().start();
    start
}
