// SPDX-License-Identifier: GPL-2.0
//! Another task must not take locks from this task's guards and scope.

use kernel::mm::vma::{MmapGuard, MmapRead, MmapWrite, VmaGuard, VmaLocks};

#[cfg(misuse)]
fn another_task<T: Sync>(_: &T) {}
#[cfg(not(misuse))]
fn another_task<T>(_: &T) {}

fn share(
    read: MmapGuard<'_, MmapRead>,
    write: MmapGuard<'_, MmapWrite>,
    vma: VmaGuard<'_>,
    locks: VmaLocks<'_>,
) {
    another_task(&read); //~ E0277 "cannot be shared between threads safely"
    another_task(&write); //~ E0277 "cannot be shared between threads safely"
    another_task(&vma); //~ E0277 "cannot be shared between threads safely"
    another_task(&locks); //~ E0277 "cannot be shared between threads safely"
}
