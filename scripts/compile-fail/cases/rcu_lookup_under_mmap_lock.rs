// SPDX-License-Identifier: GPL-2.0
//! Under the mmap read lock a VMA is read-locked by that guard, which cannot fail for contention.

use kernel::mm::MmWithUser;

fn start(mm: &MmWithUser, addr: usize) -> Option<usize> {
    let mut locks = mm.vma_locks();
    let mmap = locks.read();
    #[cfg(misuse)]
    let vma = locks.lock_vma_under_rcu(addr)?; //~ E0502 "cannot borrow `locks` as immutable because it is also borrowed as mutable"
    #[cfg(not(misuse))]
    let vma = mmap.lock_vma(addr).ok()?;
    drop(mmap);
    Some(vma.start())
}
