// SPDX-License-Identifier: GPL-2.0
//! The lock of a fault cannot always be released, so a handler has an answer for the other case.

use kernel::mm::vma::driver::{Fault, FaultOutcome, VmaOperations};

fn fault<T: VmaOperations>(fault: Fault<'_, T>) -> FaultOutcome<'_> {
    #[cfg(misuse)]
    return fault.release().retry(); //~ E0599 "no method named `retry` found for enum `Result"
    #[cfg(not(misuse))]
    return fault
        .release()
        .map_or_else(Fault::sigbus, |released| released.retry());
}
