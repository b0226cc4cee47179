// SPDX-License-Identifier: GPL-2.0
//! A guard that does not know which lock is held cannot ask for the right one. A kernel has one set of
//! guards, and the names of the others say how to take the lock.

use kernel::mm::MmWithUser;

#[cfg(misuse)]
fn start(mm: &MmWithUser, addr: usize) -> Option<usize> {
    mm.lock_vma_under_rcu(addr)?; //~ E0277 "this kernel has no guards that do not know which lock is held"
    mm.mmap_read_trylock()?; //~ E0277 "`lock_vma()` looks a VMA up"
    Some(mm.mmap_read_lock().lookup(addr)?.start()) //~ E0277 "needs a lock scope, from `vma_locks()`"
}

#[cfg(not(misuse))]
fn start(mm: &MmWithUser, addr: usize) -> Option<usize> {
    let mut locks = mm.vma_locks();
    locks.lock_vma(addr).map(|vma| vma.start())
}
