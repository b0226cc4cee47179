// SPDX-License-Identifier: GPL-2.0
//! A fault has the data together with the faults of other tasks: what changes in it needs a lock of
//! its own, or is atomic.

use kernel::mm::vma::driver::{Fault, FaultOutcome, VmaOperations};
#[cfg(not(misuse))]
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::Arc;

struct Buffer {
    #[cfg(misuse)]
    faults: u32,
    #[cfg(not(misuse))]
    faults: Atomic<u32>,
}

fn fault<T: VmaOperations<Data = Arc<Buffer>>>(fault: Fault<'_, T>) -> FaultOutcome<'_> {
    #[cfg(misuse)]
    {
        fault.data().faults += 1; //~ E0594 "cannot assign to data in dereference of `ArcBorrow<'_, Buffer>`"
    }
    #[cfg(not(misuse))]
    fault.data().faults.fetch_add(1, Relaxed);
    fault.no_page()
}
