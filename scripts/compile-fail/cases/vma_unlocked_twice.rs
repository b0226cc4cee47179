// SPDX-License-Identifier: GPL-2.0
//! A lock is released once.

use kernel::mm::vma::VmaGuard;

fn unlock(vma: VmaGuard<'_>) {
    drop(vma);
    #[cfg(misuse)]
    drop(vma); //~ E0382 "use of moved value: `vma`"
}
