// SPDX-License-Identifier: GPL-2.0
//! "Try again" tells the caller that the lock is gone: who says it without having released the lock
//! leaves it locked for ever.

use kernel::mm::vma::driver::{Fault, FaultOutcome, VmaOperations};

fn fault<T: VmaOperations>(fault: Fault<'_, T>) -> FaultOutcome<'_> {
    #[cfg(misuse)]
    return fault.retry(); //~ E0599 "no method named `retry` found for struct `Fault<'a, T>`"
    #[cfg(not(misuse))]
    match fault.release() {
        Ok(released) => released.retry(),
        Err(fault) => fault.sigbus(),
    }
}
