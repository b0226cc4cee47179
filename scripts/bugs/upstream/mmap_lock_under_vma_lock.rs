// SPDX-License-Identifier: GPL-2.0
//! The mmap lock is waited for while a VMA is read-locked.

use kernel::mm::MmWithUser;

fn next(mm: &MmWithUser, addr: usize) -> Option<usize> {
    let vma = mm.lock_vma_under_rcu(addr)?;
    let mmap = mm.mmap_read_lock();
    Some(mmap.vma_lookup(vma.end())?.end())
}
