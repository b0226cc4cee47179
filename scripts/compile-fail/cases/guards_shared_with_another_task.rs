// SPDX-License-Identifier: GPL-2.0
//! A guard lends its view and its order to the task that holds the lock only.

use kernel::mm::vma::order::MmapLock;
use kernel::mm::vma::rmap::{AnonVmaReadGuard, IMmapWriteGuard, RmapWriteGuard};
use kernel::mm::vma::{LockOrder, LockedVmas, ReadGuard, VmaCursor};

#[cfg(misuse)]
fn another_task<T: Sync>(_: &T) {}
#[cfg(not(misuse))]
fn another_task<T>(_: &T) {}

fn of_vmas(one: ReadGuard<'_>, several: LockedVmas<'_, 2>, cursor: VmaCursor<'_>) {
    another_task(&one); //~ E0277 "cannot be shared between threads safely"
    another_task(&several); //~ E0277 "cannot be shared between threads safely"
    another_task(&cursor); //~ E0277 "cannot be shared between threads safely"
}

fn of_mappings(
    order: LockOrder<'_, MmapLock>,
    file: IMmapWriteGuard<'_>,
    anonymous: AnonVmaReadGuard<'_>,
    all: RmapWriteGuard<'_>,
) {
    another_task(&order); //~ E0277 "cannot be shared between threads safely"
    another_task(&file); //~ E0277 "cannot be shared between threads safely"
    another_task(&anonymous); //~ E0277 "cannot be shared between threads safely"
    another_task(&all); //~ E0277 "cannot be shared between threads safely"
    //~^ E0277 "a view of a VMA belongs to the task that holds its lock"
}
