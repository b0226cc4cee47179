// SPDX-License-Identifier: GPL-2.0
//! Facts about a VMA hold only while its lock is held. The xdna driver
//! (amd/xdna-driver pull request 1301) looked at flags and extent, dropped the mmap lock, and
//! pinned what was there then.

use core::ops::Range;
use kernel::mm::vma::{
    pin::{PinFor, PinnedPages, Writable},
    MmapGuard,
    MmapRead, VmaFlag,
};
use kernel::prelude::*;

#[cfg_attr(misuse, allow(unused_mut))]
fn pin(mut mmap: MmapGuard<'_, MmapRead>, memory: Range<usize>) -> Result<PinnedPages<Writable>> {
    let vma = mmap.lookup(memory.start).ok_or(EFAULT)?;
    #[cfg(misuse)]
    let (pages, _guard) = mmap.pin_user_pages_unlocking(memory.clone(), PinFor::Short); //~ E0505 "cannot move out of `mmap` because it is borrowed"
    if !vma.flags().contains(VmaFlag::WRITE) || memory.end > vma.end() {
        return Err(EFAULT);
    }
    #[cfg(not(misuse))]
    let pages = mmap.pin_user_pages(memory, PinFor::Short);
    pages
}
