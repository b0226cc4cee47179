// SPDX-License-Identifier: GPL-2.0
//! `lock_vma()` may have to wait for the mmap lock, so it is not called with a VMA locked. Several
//! VMAs are locked under one mmap read lock.

use kernel::mm::MmWithUser;

fn distance(mm: &MmWithUser, one: usize, other: usize) -> Option<usize> {
    let mut locks = mm.vma_locks();
    #[cfg(misuse)]
    let first = locks.lock_vma(one)?;
    #[cfg(misuse)]
    let second = locks.lock_vma(other)?; //~ E0499 "cannot borrow `locks` as mutable more than once at a time"
    #[cfg(not(misuse))]
    let mmap = locks.read();
    #[cfg(not(misuse))]
    let first = mmap.lock_vma(one).ok()?;
    #[cfg(not(misuse))]
    let second = mmap.lock_vma(other).ok()?;
    Some(first.start().abs_diff(second.start()))
}
