// SPDX-License-Identifier: GPL-2.0
//! Pinning that may drop the mmap lock takes the guard with it, and gives it back if it is still
//! held.

use core::ops::Range;
use kernel::mm::vma::{
    pin::{PinFor, PinnedPages, ReadOnly},
    MmapGuard,
    MmapRead,
};
use kernel::prelude::*;

fn end(mmap: MmapGuard<'_, MmapRead>, memory: Range<usize>) -> Result<(PinnedPages<ReadOnly>, usize)> {
    let addr = memory.start;
    let (pages, still_held) = mmap.pin_user_pages_unlocking(memory, PinFor::Short);
    #[cfg(misuse)]
    drop(still_held);
    #[cfg(not(misuse))]
    let mmap = still_held.ok_or(EAGAIN)?;
    let end = mmap.lookup(addr).ok_or(EFAULT)?.end(); //~ E0382 "borrow of moved value: `mmap`"
    Ok((pages?, end))
}
