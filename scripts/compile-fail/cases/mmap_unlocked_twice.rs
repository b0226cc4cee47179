// SPDX-License-Identifier: GPL-2.0
//! A lock that was downgraded is no longer held in the old mode.

use kernel::mm::vma::{MmapGuard, MmapWrite};

fn unlock(mmap: MmapGuard<'_, MmapWrite>) {
    let read = mmap.downgrade();
    #[cfg(misuse)]
    drop(mmap); //~ E0382 "use of moved value: `mmap`"
    drop(read);
}
