// SPDX-License-Identifier: GPL-2.0
//! The seals of a memfd are checked under the lock of its inode, which is outside of the mmap lock.

use kernel::{
    fs::LocalFile,
    mm::{
        vma::{driver::Pieces, LockOrder},
        MmWithUser,
    },
    prelude::*,
};

fn pin(mm: &MmWithUser, pieces: &mut Pieces, memfd: &LocalFile) -> Result {
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
    pieces.push_memfd(&mut order, memfd, 0, 1) //~ E0308 "mismatched types"
}
