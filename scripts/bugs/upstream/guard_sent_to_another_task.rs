// SPDX-License-Identifier: GPL-2.0
//! A guard and a VMA are handed to another task.

use kernel::mm::{virt::VmaRef, MmapReadGuard};

fn send<T: Send>(_: T) {}

fn hand_over(mmap: MmapReadGuard<'_>) {
    send(mmap); //~ E0277 "cannot be sent between threads safely"
}

fn hand_over_vma(vma: &VmaRef) {
    send(vma); //~ E0277 "cannot be shared between threads safely"
}
