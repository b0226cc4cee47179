// SPDX-License-Identifier: GPL-2.0
//! A view does not outlive the VMA read lock: releasing it may let the VMA be freed.

use kernel::mm::MmWithUser;

fn end(mm: &MmWithUser, addr: usize) -> Option<usize> {
    let locks = mm.vma_locks();
    let guard = locks.lock_vma_under_rcu(addr)?;
    let vma = guard.as_read();
    #[cfg(misuse)]
    drop(guard); //~ E0505 "cannot move out of `guard` because it is borrowed"
    let end = vma.end();
    #[cfg(not(misuse))]
    drop(guard);
    Some(end)
}
