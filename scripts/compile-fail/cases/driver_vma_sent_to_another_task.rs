// SPDX-License-Identifier: GPL-2.0
//! The lock of a driver's VMA is held by the task that handles the fault, and by no worker of the
//! driver's. What a worker may have is the data, by a reference of its own.

use kernel::mm::vma::driver::{Fault, VmaOperations};
use kernel::sync::Arc;

fn worker<T: Send>(_: T) {}

fn fault<T: VmaOperations<Data = Arc<u32>>>(fault: &Fault<'_, T>) {
    #[cfg(misuse)]
    worker(fault.vma()); //~ E0277 "a view of a VMA belongs to the task that holds its lock"
    #[cfg(not(misuse))]
    worker(Arc::<u32>::from(fault.data()));
}
