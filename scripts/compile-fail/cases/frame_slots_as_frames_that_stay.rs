// SPDX-License-Identifier: GPL-2.0
//! The frames of a slot can be replaced. The frames of a `PfnMap` must stay for as long as the VMA.

#[cfg(not(misuse))]
use kernel::mm::vma::driver::DeviceMap as Pages;
#[cfg(misuse)]
use kernel::mm::vma::driver::PfnMap as Pages;
use kernel::mm::vma::driver::{Fault, FaultOutcome, FrameSlots, ViaMmap, VmaOperations};
use kernel::prelude::*;
use kernel::sync::Arc;

include!("support/module.rs");

struct Ops;

kernel::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = Arc<FrameSlots<()>>; //~ E0277 "cannot be the private data of a VMA of the kind `PfnMap`"
    type PageKind = Pages;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let frame = fault.pgoff();
        fault.insert_pfn(frame)
    }
}
