// SPDX-License-Identifier: GPL-2.0
//! A VMA is used after its lock was released.

use kernel::mm::MmWithUser;

fn end(mm: &MmWithUser, addr: usize) -> Option<usize> {
    let mmap = mm.mmap_read_lock();
    let vma = mmap.vma_lookup(addr)?;
    drop(mmap); //~ E0505 "cannot move out of `mmap` because it is borrowed"
    Some(vma.end())
}
