// SPDX-License-Identifier: GPL-2.0
//! A guard cannot be copied: its lock was taken once.

use kernel::mm::vma::VmaReadGuard;

fn both(vma: VmaReadGuard<'_>) {
    #[cfg(misuse)]
    let _copy = VmaReadGuard::clone(&vma); //~ E0277 "VmaReadGuard<'_>: Clone` is not satisfied"
    #[cfg(not(misuse))]
    let _start = vma.start();
    drop(vma);
}
