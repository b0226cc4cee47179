// SPDX-License-Identifier: GPL-2.0
//! A fault that is not answered would be one of a page that is there.

use kernel::mm::vma::driver::{Fault, FaultOutcome, Plain, ViaMmap, VmaOperations};
use kernel::prelude::*;

include!("support/module.rs");

struct Ops;

#[vtable]
impl VmaOperations for Ops {
    type Data = ();
    type PageKind = Plain;
    type Hook = ViaMmap;

    #[cfg(misuse)]
    fn fault<'a>(_: Fault<'a, Self>) {} //~ E0053 "expected `FaultOutcome<'a>`, found `()`"
    #[cfg(not(misuse))]
    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        fault.sigbus()
    }
}

fn maybe<'a, T: VmaOperations>(fault: Fault<'a, T>, pages: usize) -> FaultOutcome<'a> {
    //~^ E0308 "expected `FaultOutcome<'_>`, found `()`"
    if fault.pgoff() < pages {
        return fault.no_page();
    }
    #[cfg(misuse)]
    drop(fault);
    #[cfg(not(misuse))]
    fault.sigbus()
}
