// SPDX-License-Identifier: GPL-2.0
//! Releasing a lock touches the address space, so that must be there as long as the guard is.

use kernel::{mm::MmWithUser, sync::aref::ARef};

fn lock(mm: ARef<MmWithUser>, addr: usize) -> Option<usize> {
    let locks = mm.vma_locks();
    let vma = locks.lock_vma_under_rcu(addr)?;
    #[cfg(misuse)]
    drop(mm); //~ E0505 "cannot move out of `mm` because it is borrowed"
    let start = vma.start();
    drop(vma);
    #[cfg(not(misuse))]
    drop(mm);
    Some(start)
}
