// SPDX-License-Identifier: GPL-2.0
//! A view does not outlive the mmap lock that keeps the VMA stable.

use kernel::mm::MmWithUser;

fn end(mm: &MmWithUser, addr: usize) -> Option<usize> {
    let mut locks = mm.vma_locks();
    let mmap = locks.read();
    let vma = mmap.lookup(addr)?;
    #[cfg(misuse)]
    drop(mmap); //~ E0505 "cannot move out of `mmap` because it is borrowed"
    let end = vma.end();
    #[cfg(not(misuse))]
    drop(mmap);
    Some(end)
}
