// SPDX-License-Identifier: GPL-2.0
//! The mmap lock of an address space is taken once: a second reader deadlocks behind a waiting
//! writer, a second writer at once.

use kernel::mm::MmWithUser;

fn twice(mm: &MmWithUser) {
    let mut locks = mm.vma_locks();
    let first = locks.read();
    #[cfg(not(misuse))]
    drop(first);
    let second = locks.write(); //~ E0499 "cannot borrow `locks` as mutable more than once at a time"
    #[cfg(misuse)]
    drop(first);
    drop(second);
}
