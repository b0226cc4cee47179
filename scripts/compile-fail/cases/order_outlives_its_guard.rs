// SPDX-License-Identifier: GPL-2.0
//! A token says that a lock is held, so it does not outlive the guard.

use kernel::mm::vma::order::MmapLock;
use kernel::mm::vma::rmap::IMmap;
use kernel::mm::vma::{LockOrder, VmaLocks};

fn kept(locks: &mut VmaLocks<'_>, file: &IMmap) -> bool {
    let mut mmap = locks.read();
    let (_, mut order): (_, LockOrder<'_, MmapLock>) = mmap.nest();
    #[cfg(misuse)]
    drop(mmap); //~ E0505 "cannot move out of `mmap` because it is borrowed"
    let is_empty = file.lock_read(&mut order).vmas(0..=0).next().is_none();
    #[cfg(not(misuse))]
    drop(mmap);
    is_empty
}
