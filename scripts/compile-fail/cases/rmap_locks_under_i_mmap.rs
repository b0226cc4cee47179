// SPDX-License-Identifier: GPL-2.0
//! `lock_rmap()` takes the lock of the file itself: it waits for who calls it under that lock.

use kernel::{
    fs::LocalFile,
    mm::vma::{order::VmaLock, rmap::IMmap, LockOrder, Vma, VmaWrite},
};

fn shrink(vma: &Vma<VmaWrite>, file: &LocalFile, order: &mut LockOrder<'_, VmaLock>) -> usize {
    #[cfg(misuse)]
    let mut i_mmap = IMmap::of(file).lock_read(order);
    #[cfg(misuse)]
    let (_i_mmap, mut order) = i_mmap.nest();
    #[cfg(misuse)]
    let order = &mut order;
    #[cfg(not(misuse))]
    drop(IMmap::of(file).lock_read(order));
    let all = vma.lock_rmap(order); //~ E0277 "`IMmapLock` cannot be taken while `IMmapLock` is held"
    all.start()
}
