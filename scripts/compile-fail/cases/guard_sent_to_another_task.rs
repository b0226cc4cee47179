// SPDX-License-Identifier: GPL-2.0
//! The mmap lock, the VMA locks and the lock scope stay with the task that has them.

use kernel::mm::vma::{MmapReadGuard, MmapWriteGuard, ReadGuard, VmaLocks, VmaReadGuard};

#[cfg(misuse)]
fn another_task<T: Send>(_: T) {}
#[cfg(not(misuse))]
fn another_task<T>(_: T) {}

fn mmap_read(guard: MmapReadGuard<'_>) {
    another_task(guard); //~ E0277 "cannot be sent between threads safely"
}

fn mmap_write(guard: MmapWriteGuard<'_>) {
    another_task(guard); //~ E0277 "cannot be sent between threads safely"
}

fn vma_read(guard: VmaReadGuard<'_>) {
    another_task(guard); //~ E0277 "cannot be sent between threads safely"
}

fn read(guard: ReadGuard<'_>) {
    another_task(guard); //~ E0277 "cannot be sent between threads safely"
}

fn scope(locks: VmaLocks<'_>) {
    another_task(locks); //~ E0277 "cannot be sent between threads safely"
}
