// SPDX-License-Identifier: GPL-2.0
//! A VMA read lock is released twice.

use kernel::mm::MmWithUser;

fn unlock(mm: &MmWithUser, addr: usize) {
    if let Some(vma) = mm.lock_vma_under_rcu(addr) {
        drop(vma);
        drop(vma); //~ E0382 "use of moved value: `vma`"
    }
}
