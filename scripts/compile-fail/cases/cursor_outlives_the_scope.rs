// SPDX-License-Identifier: GPL-2.0
//! A cursor takes locks of its scope, and does not outlive it.

#[cfg(misuse)]
use kernel::mm::MmWithUser;
use kernel::mm::vma::{VmaCursor, VmaLocks};

#[cfg(misuse)]
fn begin<'a>(mm: &'a MmWithUser) -> VmaCursor<'a> {
    let mut locks: VmaLocks<'a> = mm.vma_locks();
    locks.cursor(0) //~ E0515 "cannot return value referencing local variable `locks`"
}
#[cfg(not(misuse))]
fn begin<'a>(locks: &'a mut VmaLocks<'_>) -> VmaCursor<'a> {
    locks.cursor(0)
}
