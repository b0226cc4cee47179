// SPDX-License-Identifier: GPL-2.0
//! Pinning faults pages in, which is done under the mmap read lock.

use core::ops::Range;
use kernel::mm::vma::{
    pin::{PinFor, PinnedPages, Writable},
    MmapGuard,
    MmapWrite,
};
use kernel::prelude::*;

fn pin(mmap: MmapGuard<'_, MmapWrite>, memory: Range<usize>) -> Result<PinnedPages<Writable>> {
    #[cfg(not(misuse))]
    let mut mmap = mmap.downgrade();
    mmap.pin_user_pages(memory, PinFor::Short) //~ E0277 "user pages are pinned under the mmap read lock, which is not held here"
}
