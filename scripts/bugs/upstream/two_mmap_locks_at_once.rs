// SPDX-License-Identifier: GPL-2.0
//! The mmap lock is taken twice by one task.

use kernel::mm::MmWithUser;

fn two(mm: &MmWithUser, addr: usize) -> Option<usize> {
    let first = mm.mmap_read_lock();
    let second = mm.mmap_read_lock();
    Some(first.vma_lookup(addr)?.end() - second.vma_lookup(addr)?.start())
}
