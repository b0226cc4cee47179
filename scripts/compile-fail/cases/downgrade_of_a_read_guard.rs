// SPDX-License-Identifier: GPL-2.0
//! Only the write lock can be downgraded.

use kernel::mm::MmWithUser;

fn twice(mm: &MmWithUser) {
    let mut locks = mm.vma_locks();
    let mmap = locks.write();
    #[cfg(misuse)]
    let mmap = mmap.downgrade();
    let _mmap = mmap.downgrade(); //~ E0277 "lock level `MmapRead` does not hold the mmap write lock"
}
