// SPDX-License-Identifier: GPL-2.0
//! The mmap read lock is never released.

use kernel::mm::MmWithUser;

fn lock(mm: &MmWithUser) {
    core::mem::forget(mm.vma_locks().read());
}
