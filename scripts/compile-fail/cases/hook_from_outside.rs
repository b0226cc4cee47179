// SPDX-License-Identifier: GPL-2.0
//! The hooks are those of the file operations, and no driver adds one.

#[cfg(misuse)]
use kernel::mm::vma::driver::Hook;
use kernel::mm::vma::driver::{Plain, ViaMmap, VmaOperations};
use kernel::prelude::*;

include!("support/module.rs");

#[cfg(misuse)]
enum ViaIoctl {}

#[cfg(misuse)]
impl Hook for ViaIoctl { //~ E0277 "Sealed"
    const HAS_MAPPED: bool = false;
}

struct Ops;

#[vtable]
impl VmaOperations for Ops {
    type Data = ();
    type PageKind = Plain;
    #[cfg(misuse)]
    type Hook = ViaIoctl; //~ E0277 "Sealed"
    #[cfg(not(misuse))]
    type Hook = ViaMmap;
}
