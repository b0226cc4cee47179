// SPDX-License-Identifier: GPL-2.0
//! A cursor may wait for the mmap lock, so none is begun while a VMA is locked.

use kernel::mm::vma::VmaLocks;

fn distance(locks: &mut VmaLocks<'_>, addr: usize) -> Option<usize> {
    let vma = locks.lock_vma_under_rcu(addr)?;
    #[cfg(not(misuse))]
    let start = vma.start();
    #[cfg(not(misuse))]
    drop(vma);
    let mut cursor = locks.cursor(0); //~ E0502 "cannot borrow `*locks` as mutable because it is also borrowed as immutable"
    let first = cursor.lock_next().ok()??.start();
    #[cfg(misuse)]
    let start = vma.start();
    Some(start - first)
}
