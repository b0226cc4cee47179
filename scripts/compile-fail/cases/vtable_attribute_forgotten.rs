// SPDX-License-Identifier: GPL-2.0
//! Operations without `#[vtable]` would have no callbacks in their table. rustc names what the attribute
//! would have added; the documentation of `VmaOperations` says what that means.

use kernel::mm::vma::driver::{Fault, FaultOutcome, Plain, ViaMmap, VmaOperations};
use kernel::prelude::*;

include!("support/module.rs");

struct Ops;
kernel::vm_operations!(Ops);

#[cfg_attr(not(misuse), vtable)]
impl VmaOperations for Ops {
    //~^ E0046 "missing: `USE_VTABLE_ATTR`, `OwnerModule`"
    type Data = ();
    type PageKind = Plain;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        fault.sigbus()
    }
}
