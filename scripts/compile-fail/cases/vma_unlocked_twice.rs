// SPDX-License-Identifier: GPL-2.0
//! A lock is released once.

use kernel::mm::vma::VmaReadGuard;

fn unlock(vma: VmaReadGuard<'_>) {
    drop(vma);
    #[cfg(misuse)]
    drop(vma); //~ E0382 "use of moved value: `vma`"
}
