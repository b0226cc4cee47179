// SPDX-License-Identifier: GPL-2.0
//! A lock whose guard is not kept is released in the same statement.
#![deny(unused_must_use)]

use kernel::mm::MmWithUser;

fn read(mm: &MmWithUser, addr: usize) -> Option<usize> {
    let mut locks = mm.vma_locks();
    #[cfg(misuse)]
    locks.read(); //~ unused_must_use "the mmap lock is released as soon as the guard is dropped"
    #[cfg(misuse)]
    let mmap = locks.read();
    #[cfg(not(misuse))]
    let mmap = locks.read();
    Some(mmap.lookup(addr)?.start())
}
