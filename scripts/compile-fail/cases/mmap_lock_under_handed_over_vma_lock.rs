// SPDX-License-Identifier: GPL-2.0
//! The same deadlock, with a VMA lock that has outlived the mmap lock it was taken under.

use kernel::mm::MmWithUser;

fn read_and_write(mm: &MmWithUser, addr: usize) -> Option<usize> {
    let mut locks = mm.vma_locks();
    let mmap = locks.read();
    let vma = mmap.lock_vma(addr).ok()?;
    drop(mmap);
    #[cfg(not(misuse))]
    let end = vma.end();
    #[cfg(not(misuse))]
    drop(vma);
    let mmap = locks.write(); //~ E0499 "cannot borrow `locks` as mutable more than once at a time"
    #[cfg(misuse)]
    let end = vma.end();
    drop(mmap);
    Some(end)
}
