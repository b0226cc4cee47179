// SPDX-License-Identifier: GPL-2.0
//! A guard cannot be copied: its lock was taken once.

use kernel::mm::vma::VmaGuard;

fn both(vma: VmaGuard<'_>) {
    #[cfg(misuse)]
    let _copy = VmaGuard::clone(&vma); //~ E0277 "VmaGuard<'_>: Clone` is not satisfied"
    #[cfg(not(misuse))]
    let _start = vma.start();
    drop(vma);
}
