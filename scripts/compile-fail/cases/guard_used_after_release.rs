// SPDX-License-Identifier: GPL-2.0
//! A guard that was dropped finds no VMAs.

use kernel::mm::vma::{MmapGuard, MmapRead};

fn is_mapped(mmap: MmapGuard<'_, MmapRead>, addr: usize) -> bool {
    #[cfg(misuse)]
    drop(mmap);
    mmap.lookup(addr).is_some() //~ E0382 "borrow of moved value: `mmap`"
}
