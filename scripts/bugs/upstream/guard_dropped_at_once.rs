// SPDX-License-Identifier: GPL-2.0
//! The guard of a lock is not kept, so the lock is released in the same statement.

use kernel::mm::MmWithUser;

fn lock(mm: &MmWithUser) {
    mm.mmap_read_lock();
}
