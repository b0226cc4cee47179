// SPDX-License-Identifier: GPL-2.0
//! The mmap read lock is released twice.

use kernel::mm::MmWithUser;

fn unlock(mm: &MmWithUser) {
    let mmap = mm.mmap_read_lock();
    drop(mmap);
    drop(mmap); //~ E0382 "use of moved value: `mmap`"
}
