// SPDX-License-Identifier: GPL-2.0
//! Locks are held by one task, so their order cannot be sent to another one.

use kernel::mm::vma::{order::IMmapLock, LockOrder};

#[cfg(misuse)]
fn another_task<T: Send>(_: T) {}
#[cfg(not(misuse))]
fn another_task<T>(_: T) {}

fn nothing(order: LockOrder<'_>) {
    another_task(order); //~ E0277 "cannot be sent between threads safely"
}

fn under_a_lock(order: &mut LockOrder<'_, IMmapLock>) {
    another_task(order); //~ E0277 "cannot be sent between threads safely"
}
