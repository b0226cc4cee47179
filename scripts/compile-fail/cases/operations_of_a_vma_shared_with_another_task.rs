// SPDX-License-Identifier: GPL-2.0
//! The operations of a VMA are those that it has now, for the task that holds its lock.

use kernel::mm::vma::VmOps;

#[cfg(misuse)]
fn another_task<T: Sync>(_: &T) {}
#[cfg(not(misuse))]
fn another_task<T>(_: &T) {}

fn share(ops: &VmOps) {
    another_task(ops); //~ E0277 "cannot be shared between threads safely"
}
