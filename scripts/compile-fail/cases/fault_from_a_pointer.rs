// SPDX-License-Identifier: GPL-2.0
//! Only the kernel makes faults: one that a driver made up would be answered for a lock that is not
//! held.

use kernel::mm::vma::driver::{Fault, FaultOutcome, VmaOperations};

fn again<T: VmaOperations>(fault: Fault<'_, T>) -> FaultOutcome<'_> {
    #[cfg(misuse)]
    drop(fault);
    #[cfg(misuse)]
    let fault = unsafe { Fault::<T>::new(core::ptr::null_mut()) }; //~ E0624 "associated function `new` is private"
    T::fault(fault)
}
