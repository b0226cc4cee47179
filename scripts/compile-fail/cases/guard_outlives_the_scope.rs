// SPDX-License-Identifier: GPL-2.0
//! A VMA read lock can outlive the mmap lock it was taken under, but not the lock scope.

use kernel::mm::vma::{VmaLocks, VmaGuard};
#[cfg(misuse)]
use kernel::mm::MmWithUser;

#[cfg(misuse)]
fn lock<'a>(mm: &'a MmWithUser, addr: usize) -> Option<VmaGuard<'a>> {
    let mut locks: VmaLocks<'a> = mm.vma_locks();
    let mmap = locks.read();
    mmap.lock_vma(addr).ok() //~ E0515 "cannot return value referencing local variable `locks`"
}
#[cfg(not(misuse))]
fn lock<'a>(locks: &'a mut VmaLocks<'_>, addr: usize) -> Option<VmaGuard<'a>> {
    let mmap = locks.read();
    mmap.lock_vma(addr).ok()
}
