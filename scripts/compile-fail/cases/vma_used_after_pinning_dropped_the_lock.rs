// SPDX-License-Identifier: GPL-2.0
//! Facts about a VMA hold only while its lock is held. The xdna driver
//! (amd/xdna-driver pull request 1301) looked at flags and extent, dropped the mmap lock, and
//! pinned what was there then.

use core::ops::Range;
use kernel::mm::vma::{
    pin::{PinFor, PinnedPages, Writable},
    VmaFlag, VmaLocks,
};
use kernel::prelude::*;

fn pin(locks: &mut VmaLocks<'_>, memory: Range<usize>) -> Result<PinnedPages<Writable>> {
    #[cfg_attr(misuse, allow(unused_mut))]
    let mut mmap = locks.read();
    let vma = mmap.lookup(memory.start).ok_or(EFAULT)?;
    #[cfg(misuse)]
    let pages = locks.pin_user_pages_unlocked(memory.clone(), PinFor::Short); //~ E0499 "cannot borrow `*locks` as mutable more than once at a time"
    if !vma.flags().contains(VmaFlag::WRITE) || memory.end > vma.end() {
        return Err(EFAULT);
    }
    #[cfg(not(misuse))]
    let pages = mmap.pin_user_pages(memory, PinFor::Short);
    pages
}
