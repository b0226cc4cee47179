// SPDX-License-Identifier: GPL-2.0
//! The mmap lock comes before the lock of a file's mappings: `unmap_mapping_range()` and `mmap()`
//! would wait for each other.
//@order: mmap under i_mmap

use kernel::{
    fs::LocalFile,
    mm::{
        vma::{rmap::IMmap, LockOrder},
        MmWithUser,
    },
};

fn is_mapped(file: &LocalFile, mm: &MmWithUser, addr: usize) -> bool {
    let mut order = LockOrder::new();
    #[cfg(misuse)]
    let mut i_mmap = IMmap::of(file).lock_read(&mut order);
    #[cfg(misuse)]
    let (_i_mmap, mut order) = i_mmap.nest();
    #[cfg(not(misuse))]
    drop(IMmap::of(file).lock_read(&mut order));
    let mut locks = order.vma_locks(mm); //~ E0277 "`MmapLock` cannot be taken while `IMmapLock` is held"
    let mmap = locks.read();
    mmap.lookup(addr).is_some()
}
