// SPDX-License-Identifier: GPL-2.0
//! VMA read locks are released by the task that took them, several as well as one.

use kernel::mm::vma::LockedVmas;

#[cfg(misuse)]
fn another_task<T: Send>(_: T) {}
#[cfg(not(misuse))]
fn another_task<T>(_: T) {}

fn send(locked: LockedVmas<'_, 2>) {
    another_task(locked); //~ E0277 "cannot be sent between threads safely"
}
