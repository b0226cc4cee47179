// SPDX-License-Identifier: GPL-2.0
//! A driver's data cannot keep a fault, its answer or a view for a later call.

use kernel::mm::vma::driver::{Fault, FaultOutcome, PrivateData, VmaOperations};
#[cfg(misuse)]
use kernel::mm::vma::{DriverVma, Read};
use kernel::sync::{Arc, Mutex};

fn of_a_vma<D: PrivateData>() {}

fn is_data<T: VmaOperations>() {
    of_a_vma::<Arc<Mutex<Option<FaultOutcome<'static>>>>>();
    #[cfg(misuse)]
    of_a_vma::<Arc<Mutex<Option<Fault<'static, T>>>>>(); //~ E0277 "between threads safely"
    #[cfg(misuse)]
    of_a_vma::<Arc<Mutex<Option<&'static DriverVma<T, Read>>>>>(); //~ E0277 "a view of a VMA belongs to the task that holds its lock"
}

fn keep<'a, T: VmaOperations>(
    kept: &Mutex<Option<FaultOutcome<'static>>>,
    fault: Fault<'a, T>,
) -> FaultOutcome<'a> {
    let outcome = fault.no_page();
    #[cfg(misuse)]
    {
        *kept.lock() = Some(outcome); //~ E0521 "borrowed data escapes outside of function"
        fault_of_nothing()
    }
    #[cfg(not(misuse))]
    {
        *kept.lock() = None;
        outcome
    }
}

#[cfg(misuse)]
fn fault_of_nothing<'a>() -> FaultOutcome<'a> {
    loop {}
}
