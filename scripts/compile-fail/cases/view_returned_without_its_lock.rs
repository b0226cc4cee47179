// SPDX-License-Identifier: GPL-2.0
//! A function that takes the lock returns what it read, or the guard, but not a view.

#[cfg(not(misuse))]
use kernel::mm::vma::ReadGuard;
#[cfg(misuse)]
use kernel::mm::vma::{MmapRead, Vma};
use kernel::mm::{vma::VmaLocks, MmWithUser};

#[cfg(misuse)]
fn find<'a>(locks: &'a mut VmaLocks<'_>, addr: usize) -> Option<&'a Vma<MmapRead>> {
    let mmap = locks.read();
    mmap.lookup(addr) //~ E0515 "cannot return value referencing local variable `mmap`"
}
#[cfg(not(misuse))]
fn find<'a>(locks: &'a mut VmaLocks<'_>, addr: usize) -> Option<ReadGuard<'a>> {
    locks.lock_vma(addr)
}

fn start(mm: &MmWithUser, addr: usize) -> Option<usize> {
    Some(find(&mut mm.vma_locks(), addr)?.start())
}
