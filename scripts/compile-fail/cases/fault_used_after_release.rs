// SPDX-License-Identifier: GPL-2.0
//! Once the lock is released a fault has one answer: that it is to be tried again.

use kernel::mm::vma::driver::{Fault, FaultOutcome, VmaOperations};

fn fault<T: VmaOperations>(fault: Fault<'_, T>) -> FaultOutcome<'_> {
    match fault.release() {
        #[cfg(misuse)]
        Ok(_) => fault.sigbus(), //~ E0382 "use of moved value: `fault`"
        #[cfg(not(misuse))]
        Ok(released) => released.retry(),
        Err(fault) => fault.sigbus(),
    }
}

fn released<T: VmaOperations>(fault: Fault<'_, T>) -> FaultOutcome<'_> {
    match fault.release() {
        #[cfg(misuse)]
        Ok(released) => released.sigbus(), //~ E0599 "no method named `sigbus` found for struct `Released<'a>`"
        #[cfg(not(misuse))]
        Ok(released) => released.retry(),
        Err(fault) => fault.sigbus(),
    }
}
