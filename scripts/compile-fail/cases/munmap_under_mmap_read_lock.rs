// SPDX-License-Identifier: GPL-2.0
//! Changing the tree of VMAs needs the mmap write lock.

use kernel::{mm::vma::VmaLocks, prelude::*};

fn cut(locks: &mut VmaLocks<'_>, addr: usize, len: usize) -> Result {
    #[cfg(misuse)]
    let mut mmap = locks.read();
    #[cfg(not(misuse))]
    let mut mmap = locks.write();
    mmap.split(addr)?; //~ E0277 "lock level `MmapRead` does not hold the mmap write lock"
    mmap.munmap(addr..addr + len) //~ E0277 "lock level `MmapRead` does not hold the mmap write lock"
}
