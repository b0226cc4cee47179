// SPDX-License-Identifier: GPL-2.0
//! The lock of a reverse mapping is released by the task that took it.

use kernel::mm::vma::rmap::{AnonVmaReadGuard, IMmapWriteGuard, RmapWriteGuard};

#[cfg(misuse)]
fn another_task<T: Send>(_: &T) {}
#[cfg(not(misuse))]
fn another_task<T>(_: &T) {}

fn send(file: IMmapWriteGuard<'_>, anonymous: AnonVmaReadGuard<'_>, all: RmapWriteGuard<'_>) {
    another_task(&file); //~ E0277 "between threads safely"
    another_task(&anonymous); //~ E0277 "between threads safely"
    another_task(&all); //~ E0277 "between threads safely"
    //~^ E0277 "a view of a VMA belongs to the task that holds its lock"
}
