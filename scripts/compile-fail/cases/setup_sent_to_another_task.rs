// SPDX-License-Identifier: GPL-2.0
//! The task that maps holds the mmap lock, so the setup and its end stay with it.

use kernel::mm::vma::driver::{Mapped, VmaDesc, VmaSetup};

#[cfg(misuse)]
fn another_task<T: Send>(_: T) {}
#[cfg(not(misuse))]
fn another_task<T>(_: T) {}

fn setup(vma: VmaSetup<'_>) {
    another_task(vma); //~ E0277 "a view of a VMA belongs to the task that holds its lock"
}

fn desc(desc: VmaDesc<'_>) {
    another_task(desc); //~ E0277 "cannot be sent between threads safely"
}

fn mapped(mapped: Mapped<'_>) {
    another_task(mapped); //~ E0277 "cannot be sent between threads safely"
}
