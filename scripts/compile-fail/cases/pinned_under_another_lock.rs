// SPDX-License-Identifier: GPL-2.0
//! Pinning without a lock takes the mmap lock if it has to: a task that holds it waits for itself.

use core::ops::Range;
use kernel::mm::{
    vma::pin::{PinFor, PinnedPages, ReadOnly},
    MmWithUser,
};
use kernel::prelude::*;

fn under_mmap_lock(mm: &MmWithUser, memory: Range<usize>) -> Result<PinnedPages<ReadOnly>> {
    let mut locks = mm.vma_locks();
    let mmap = locks.read();
    mmap.lookup(memory.start).ok_or(EFAULT)?;
    #[cfg(not(misuse))]
    drop(mmap);
    let pages = locks.pin_user_pages_fast(memory, PinFor::Short); //~ E0499 "cannot borrow `locks` as mutable more than once at a time"
    #[cfg(misuse)]
    drop(mmap);
    pages
}

fn under_vma_lock(mm: &MmWithUser, memory: Range<usize>) -> Result<PinnedPages<ReadOnly>> {
    let mut locks = mm.vma_locks();
    let vma = locks.lock_vma_under_rcu(memory.start).ok_or(EFAULT)?;
    #[cfg(not(misuse))]
    drop(vma);
    let pages = locks.pin_user_pages_fast(memory, PinFor::Short); //~ E0502 "cannot borrow `locks` as mutable because it is also borrowed as immutable"
    #[cfg(misuse)]
    drop(vma);
    pages
}
