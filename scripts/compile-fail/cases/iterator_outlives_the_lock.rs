// SPDX-License-Identifier: GPL-2.0
//! The tree is as it was for as long as the lock is held, and so an iterator is of use for as long.

use kernel::mm::vma::VmaLocks;

fn sizes(locks: &mut VmaLocks<'_>) -> (usize, usize) {
    let mmap = locks.read();
    let mut vmas = mmap.vmas();
    let first = vmas.next().map_or(0, |vma| vma.end() - vma.start());
    #[cfg(misuse)]
    drop(mmap); //~ E0505 "cannot move out of `mmap` because it is borrowed"
    let second = vmas.next().map_or(0, |vma| vma.end() - vma.start());
    (first, second)
}
