// SPDX-License-Identifier: GPL-2.0
//! Pinning waits for memory, so the guard of the mmap lock does not pin while it lends the order
//! that a reverse mapping was locked in: reclaim takes the locks of files' mappings.

use core::ops::Range;
use kernel::{
    mm::vma::{
        pin::{PinFor, PinnedPages, ReadOnly},
        rmap::IMmap,
        MmapGuard,
        MmapRead,
    },
    prelude::*,
};

fn pin(
    guard: &mut MmapGuard<'_, MmapRead>,
    memory: Range<usize>,
) -> Result<(usize, PinnedPages<ReadOnly>)> {
    let (mmap, mut order) = guard.nest();
    let file = mmap.lookup(memory.start).ok_or(EFAULT)?.file().ok_or(EFAULT)?;
    let i_mmap = IMmap::of(file).lock_read(&mut order);
    let mappings = i_mmap.vmas(0..=0).count();
    #[cfg(misuse)]
    let pages = mmap.pin_user_pages(memory, PinFor::Short)?; //~ E0596 "cannot borrow `*mmap` as mutable, as it is behind a `&` reference"
    drop(i_mmap);
    #[cfg(not(misuse))]
    let pages = guard.pin_user_pages(memory, PinFor::Short)?;
    Ok((mappings, pages))
}
