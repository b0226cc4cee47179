// SPDX-License-Identifier: GPL-2.0
//! A `ReadGuard` is the only guard of its scope, and lends the order of locks for that reason. It is not made
//! from a VMA read lock, of which there can be several.

use kernel::mm::vma::{ReadGuard, VmaLocks};

fn lock<'a>(locks: &'a mut VmaLocks<'_>, addr: usize) -> Option<ReadGuard<'a>> {
    #[cfg(misuse)]
    let vma = locks.lock_vma_under_rcu(addr)?;
    #[cfg(misuse)]
    let vma = ReadGuard::from(vma); //~ E0308 "expected `ReadGuard<'_>`, found `VmaGuard<'_>`"
    #[cfg(not(misuse))]
    let vma = locks.lock_vma(addr)?;
    Some(vma)
}
