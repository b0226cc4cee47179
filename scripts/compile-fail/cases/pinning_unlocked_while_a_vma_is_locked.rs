// SPDX-License-Identifier: GPL-2.0
//! Pinning that drops the mmap lock may take it again, so no VMA may be locked then. The mmap lock
//! of the guard was handed over to the VMA lock.

use core::ops::Range;
use kernel::mm::vma::{
    pin::{PinFor, PinnedPages, Writable},
    VmaLocks,
};
use kernel::prelude::*;

fn pin(locks: &mut VmaLocks<'_>, memory: Range<usize>) -> Result<PinnedPages<Writable>> {
    let mmap = locks.read();
    let vma = mmap.lock_vma(memory.start).map_err(|_| EFAULT)?;
    drop(mmap);
    let end = vma.end();
    #[cfg(not(misuse))]
    drop(vma);
    let pages = locks.pin_user_pages_unlocked(memory.start..end, PinFor::Short); //~ E0499 "cannot borrow `*locks` as mutable more than once at a time"
    #[cfg(misuse)]
    drop(vma);
    pages
}
