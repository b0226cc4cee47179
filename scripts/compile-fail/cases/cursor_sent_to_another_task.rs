// SPDX-License-Identifier: GPL-2.0
//! Locks and RCU stay with the task that has them.

use kernel::mm::vma::VmaCursor;

#[cfg(misuse)]
fn another_task<T: Send>(_: T) {}
#[cfg(not(misuse))]
fn another_task<T>(_: T) {}

fn send(cursor: VmaCursor<'_>) {
    another_task(cursor); //~ E0277 "cannot be sent between threads safely"
}
