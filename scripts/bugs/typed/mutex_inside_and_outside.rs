// SPDX-License-Identifier: GPL-2.0
//! A driver's mutex is taken under the mmap lock, and the other way round.

use kernel::mm::MmWithUser;
use kernel::sync::Mutex;

fn inside(mm: &MmWithUser, state: &Mutex<usize>) {
    let mut locks = mm.vma_locks();
    let _mmap = locks.read();
    *state.lock() += 1;
}

fn outside(mm: &MmWithUser, state: &Mutex<usize>) {
    let _state = state.lock();
    drop(mm.vma_locks().read());
}
