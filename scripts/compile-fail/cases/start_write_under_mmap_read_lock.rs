// SPDX-License-Identifier: GPL-2.0
//! A VMA write lock is taken under the mmap write lock only.
//@order: VMA write under mmap read

use kernel::mm::{vma::VmaLocks, MmWithUser};

fn lock(mm: &MmWithUser, addr: usize) -> Option<()> {
    let mut locks: VmaLocks<'_> = mm.vma_locks();
    #[cfg(misuse)]
    let mmap = locks.read();
    #[cfg(not(misuse))]
    let mmap = locks.write();
    mmap.lookup(addr)?.start_write(); //~ E0277 "needs the mmap write lock"
    mmap.lookup(addr)?.start_write_killable().ok()?; //~ E0277 "needs the mmap write lock"
    Some(())
}
