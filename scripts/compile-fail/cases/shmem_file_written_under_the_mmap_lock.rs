// SPDX-License-Identifier: GPL-2.0
//! A write to a file takes the lock of its inode, which is outside of the mmap lock.

use kernel::{
    mm::{
        vma::{driver::ShmemFile, LockOrder},
        MmWithUser,
    },
    prelude::*,
};

fn fill(mm: &MmWithUser, file: &ShmemFile) -> Result {
    let mut locks = mm.vma_locks();
    #[cfg(misuse)]
    let mut mmap = locks.read();
    #[cfg(misuse)]
    let (_, mut order) = mmap.nest();
    #[cfg(not(misuse))]
    drop(locks.read());
    #[cfg(not(misuse))]
    drop(locks);
    #[cfg(not(misuse))]
    let mut order = LockOrder::new();
    file.write(&mut order, 0, &[1]) //~ E0308 "mismatched types"
}
