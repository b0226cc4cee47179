// SPDX-License-Identifier: GPL-2.0
//! A fault handler makes a lock scope of its own and waits for the mmap lock.

use kernel::current;
use kernel::mm::vma::driver::{Fault, FaultOutcome, Plain, VmaOperations};

fn fault<'a, T: VmaOperations<PageKind = Plain>>(fault: Fault<'a, T>) -> FaultOutcome<'a> {
    let task = current!();
    if let Some(mm) = task.mm() {
        drop(mm.vma_locks().read());
    }
    fault.sigbus()
}
