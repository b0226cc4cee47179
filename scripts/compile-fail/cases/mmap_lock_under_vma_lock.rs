// SPDX-License-Identifier: GPL-2.0
//! To wait for the mmap lock while holding a VMA read lock is a deadlock: the writer that has the
//! mmap lock may be waiting for that VMA.
//@order: mmap under VMA read

use kernel::mm::MmWithUser;

fn read_and_write(mm: &MmWithUser, addr: usize) -> Option<usize> {
    let mut locks = mm.vma_locks();
    let vma = locks.lock_vma_under_rcu(addr)?;
    #[cfg(not(misuse))]
    let end = vma.end();
    #[cfg(not(misuse))]
    drop(vma);
    let mmap = locks.write(); //~ E0502 "cannot borrow `locks` as mutable because it is also borrowed as immutable"
    #[cfg(misuse)]
    let end = vma.end();
    drop(mmap);
    Some(end)
}
