// SPDX-License-Identifier: GPL-2.0
//! An answer is made by a method of the fault: a code that claims what was not done cannot be
//! given.

use kernel::mm::vma::driver::{Fault, FaultOutcome, VmaOperations};

fn fault<T: VmaOperations>(fault: Fault<'_, T>) -> FaultOutcome<'_> {
    #[cfg(misuse)]
    drop(fault);
    #[cfg(misuse)]
    return FaultOutcome(0, core::marker::PhantomData); //~ E0423 "cannot initialize a tuple struct which contains private fields"
    #[cfg(not(misuse))]
    return fault.no_page();
}
