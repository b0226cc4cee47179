// SPDX-License-Identifier: GPL-2.0
//! The kind of pages of a VMA and the hook that sets it up are each one of a fixed list.

use kernel::mm::vma::driver::VmaOperations;
#[cfg(not(misuse))]
use kernel::mm::vma::driver::{Plain as Pages, ViaMmap as By};
use kernel::prelude::*;
#[cfg(misuse)]
use {u32 as Pages, u64 as By};

include!("support/module.rs");

struct Ops;

#[vtable]
impl VmaOperations for Ops {
    type Data = (); //~ E0277 "cannot be the private data of a VMA of the kind `u32`"
    type PageKind = Pages; //~ E0277 "the kinds are `Plain`, `MixedMap`, `PfnMap`, `DeviceMap` and `DmaMap`"
    type Hook = By; //~ E0277 "the hooks are `ViaMmap` and `ViaMmapPrepare`"
}
