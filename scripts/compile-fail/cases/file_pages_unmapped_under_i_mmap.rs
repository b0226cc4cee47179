// SPDX-License-Identifier: GPL-2.0
//! Unmapping a file's pages takes the lock of its mappings.

use kernel::{
    error::Result,
    fs::LocalFile,
    mm::vma::{driver::FilePages, rmap::IMmap, LockOrder},
};

fn revoke(file: &LocalFile) -> Result {
    let mut order = LockOrder::new();
    let mut i_mmap = IMmap::of(file).lock_write(&mut order);
    #[cfg(misuse)]
    let (_, mut order) = i_mmap.nest();
    #[cfg(not(misuse))]
    let _ = i_mmap.nest();
    #[cfg(not(misuse))]
    drop(i_mmap);
    FilePages::of(file).unmap(&mut order, 0..4096) //~ E0277 "`IMmapLock` cannot be taken while `IMmapLock` is held"
}
