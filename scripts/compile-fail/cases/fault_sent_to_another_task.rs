// SPDX-License-Identifier: GPL-2.0
//! The lock of a fault is held by the task that faults: a worker does not answer for it.

use kernel::mm::vma::driver::{Fault, HugeFault, MapPages, MkWrite, VmaOperations};

#[cfg(misuse)]
fn worker<T: Send>(_: T) {}
#[cfg(not(misuse))]
fn worker<T>(_: T) {}

fn fault<T: VmaOperations>(fault: Fault<'_, T>) {
    worker(fault); //~ E0277 "cannot be sent between threads safely"
}

fn huge_fault<T: VmaOperations>(fault: HugeFault<'_, T>) {
    worker(fault); //~ E0277 "cannot be sent between threads safely"
}

fn page_mkwrite<T: VmaOperations>(fault: MkWrite<'_, T>) {
    worker(fault); //~ E0277 "cannot be sent between threads safely"
}

fn map_pages<T: VmaOperations>(around: MapPages<'_, T>) {
    worker(around); //~ E0277 "cannot be sent between threads safely"
}
