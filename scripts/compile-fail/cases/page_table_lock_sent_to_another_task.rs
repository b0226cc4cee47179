// SPDX-License-Identifier: GPL-2.0
//! A spinlock is released by the task that took it, and the proof of it is for that task.

use kernel::mm::vma::page_table::PageTableLock;

#[cfg(misuse)]
fn another_task<T: Send + Sync>(_: &T) {}
#[cfg(not(misuse))]
fn another_task<T>(_: &T) {}

fn send(lock: &PageTableLock<'_>) {
    another_task(lock); //~ E0277 "between threads safely"
}
