// SPDX-License-Identifier: GPL-2.0
//! The VMA's file is kept by a reference of one's own, if it is to stay after the lock.

use kernel::mm::MmWithUser;
#[cfg(not(misuse))]
use kernel::{fs::LocalFile, sync::aref::ARef};

fn flags(mm: &MmWithUser, addr: usize) -> Option<u32> {
    let mut locks = mm.vma_locks();
    let vma = locks.lock_vma(addr)?;
    let file = vma.file()?;
    #[cfg(not(misuse))]
    let file: ARef<LocalFile> = file.into();
    drop(vma); //~ E0505 "cannot move out of `vma` because it is borrowed"
    Some(file.flags())
}
