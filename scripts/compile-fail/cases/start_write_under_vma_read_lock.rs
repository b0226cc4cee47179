// SPDX-License-Identifier: GPL-2.0
//! A VMA read lock cannot be upgraded: who waits for the readers to leave must not be one.
//@order: VMA write under VMA read

use kernel::mm::MmWithUser;

fn lock(mm: &MmWithUser, addr: usize) -> Option<()> {
    #[cfg_attr(misuse, allow(unused_mut))]
    let mut locks = mm.vma_locks();
    #[cfg(misuse)]
    let vma = locks.lock_vma_under_rcu(addr)?;
    #[cfg(not(misuse))]
    let mmap = locks.write();
    #[cfg(not(misuse))]
    let vma = mmap.lookup(addr)?;
    vma.start_write(); //~ E0277 "lock level `VmaRead` does not hold the mmap write lock"
    Some(())
}
