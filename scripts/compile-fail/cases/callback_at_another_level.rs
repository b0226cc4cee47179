// SPDX-License-Identifier: GPL-2.0
//! A callback gets its VMA at the level that its callers in C hold, and no other.

use kernel::mm::vma::driver::{DriverVma, Plain, ViaMmap, VmaOperations};
#[cfg(not(misuse))]
use kernel::mm::vma::{Closing as InClose, MmapWrite as InSplit, Opening as InOpen};
#[cfg(misuse)]
use kernel::mm::vma::{VmaWrite as InClose, VmaWrite as InOpen, VmaWrite as InSplit};
use kernel::prelude::*;

include!("support/module.rs");

struct Ops;

#[vtable]
impl VmaOperations for Ops {
    type Data = ();
    type PageKind = Plain;
    type Hook = ViaMmap;

    fn open(_: &DriverVma<Self, InOpen>) {} //~ E0053 "expected `Opening`, found `VmaWrite`"

    fn close(_: &DriverVma<Self, InClose>) {} //~ E0053 "expected `Closing`, found `VmaWrite`"

    fn may_split(_: &DriverVma<Self, InSplit>, _: usize) -> Result {
        //~^ E0053 "expected `MmapWrite`, found `VmaWrite`"
        Ok(())
    }
}
