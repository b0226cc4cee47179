// SPDX-License-Identifier: GPL-2.0
//! A guard that is lent together with the order gives out views, and lets nothing be unmapped: that
//! would take the locks of reverse mappings, of which one may be held.

use kernel::{
    fs::LocalFile,
    mm::vma::{rmap::IMmap, MmapGuard, MmapWrite},
    prelude::*,
};

fn cut(mut mmap: MmapGuard<'_, MmapWrite>, file: &LocalFile, addr: usize, len: usize) -> Result<usize> {
    let (lent, mut order) = mmap.nest();
    let i_mmap = IMmap::of(file).lock_read(&mut order);
    let count = i_mmap.vmas(0..=usize::MAX).count();
    #[cfg(misuse)]
    lent.munmap(addr..addr + len)?; //~ E0596 "cannot borrow `*lent` as mutable, as it is behind a `&` reference"
    #[cfg(not(misuse))]
    let _ = lent.lookup(addr);
    drop(i_mmap);
    #[cfg(not(misuse))]
    mmap.munmap(addr..addr + len)?;
    Ok(count)
}
