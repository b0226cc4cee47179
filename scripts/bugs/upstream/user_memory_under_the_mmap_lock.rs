// SPDX-License-Identifier: GPL-2.0
//! User memory is read while the mmap lock is held.

use kernel::mm::MmWithUser;
use kernel::prelude::*;
use kernel::uaccess::UserSlice;

fn read(mm: &MmWithUser, from: UserPtr) -> Result<u64> {
    let _mmap = mm.mmap_read_lock();
    UserSlice::new(from, 8).reader().read()
}
