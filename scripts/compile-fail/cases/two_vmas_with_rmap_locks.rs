// SPDX-License-Identifier: GPL-2.0
//! The reverse mappings of two VMAs are not locked at once: they may have a lock in common, which would
//! be waited for forever.

use kernel::mm::vma::{order::VmaLock, LockOrder, Vma, VmaWrite};

fn both(one: &Vma<VmaWrite>, other: &Vma<VmaWrite>, order: &mut LockOrder<'_, VmaLock>) -> usize {
    let first = one.lock_rmap(order);
    #[cfg(not(misuse))]
    drop(first);
    let second = other.lock_rmap(order); //~ E0499 "cannot borrow `*order` as mutable more than once at a time"
    #[cfg(misuse)]
    drop(first);
    second.start()
}
