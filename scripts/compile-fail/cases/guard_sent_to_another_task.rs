// SPDX-License-Identifier: GPL-2.0
//! The mmap lock, the VMA locks and the lock scope stay with the task that has them.

use kernel::mm::vma::{MmapGuard, MmapRead, MmapWrite, ReadGuard, VmaGuard, VmaLocks};

#[cfg(misuse)]
fn another_task<T: Send>(_: T) {}
#[cfg(not(misuse))]
fn another_task<T>(_: T) {}

fn mmap_read(guard: MmapGuard<'_, MmapRead>) {
    another_task(guard); //~ E0277 "cannot be sent between threads safely"
}

fn mmap_write(guard: MmapGuard<'_, MmapWrite>) {
    another_task(guard); //~ E0277 "cannot be sent between threads safely"
}

fn vma_read(guard: VmaGuard<'_>) {
    another_task(guard); //~ E0277 "cannot be sent between threads safely"
}

fn read(guard: ReadGuard<'_>) {
    another_task(guard); //~ E0277 "cannot be sent between threads safely"
}

fn scope(locks: VmaLocks<'_>) {
    another_task(locks); //~ E0277 "cannot be sent between threads safely"
}
