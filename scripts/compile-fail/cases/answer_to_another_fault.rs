// SPDX-License-Identifier: GPL-2.0
//! An answer is for the fault that it was made from, and for no other one, now or later.

use kernel::mm::vma::driver::{Fault, FaultOutcome, VmaOperations};

struct Device<'a> {
    answer: Option<FaultOutcome<'a>>,
}

fn swapped<'a, 'b, T: VmaOperations>(
    mine: Fault<'a, T>,
    other: Fault<'b, T>,
) -> (FaultOutcome<'a>, FaultOutcome<'b>) {
    #[cfg(misuse)]
    let (mine, other) = (other, mine);
    (mine.no_page(), other.sigbus()) //~ error "lifetime may not live long enough"
}

fn kept<'a, T: VmaOperations>(
    #[cfg(misuse)] device: &mut Device<'static>,
    #[cfg(not(misuse))] device: &mut Device<'a>,
    fault: Fault<'a, T>,
) {
    device.answer = Some(fault.no_page()); //~ error "assignment requires that `'a` must outlive `'static`"
}
