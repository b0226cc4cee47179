// SPDX-License-Identifier: GPL-2.0
//! The mmap read lock is released by the drop of its guard, once.

use kernel::mm::vma::{MmapGuard, MmapRead};

fn unlock(mmap: MmapGuard<'_, MmapRead>) {
    drop(mmap);
    #[cfg(misuse)]
    drop(mmap); //~ E0382 "use of moved value: `mmap`"
}
