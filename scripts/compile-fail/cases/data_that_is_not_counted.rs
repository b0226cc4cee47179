// SPDX-License-Identifier: GPL-2.0
//! The VMA that a fork or a split makes gets a share of the data, in a callback that cannot fail: a
//! box has no shares.

use kernel::mm::vma::driver::{Plain, ViaMmap, VmaOperations};
#[cfg(misuse)]
use kernel::prelude::KBox as Shared;
use kernel::prelude::*;
#[cfg(not(misuse))]
use kernel::sync::Arc as Shared;

include!("support/module.rs");

struct Ops;

#[vtable]
impl VmaOperations for Ops {
    type Data = Shared<u32>; //~ E0277 "cannot be shared with the VMA that a fork or a split makes"
    type PageKind = Plain;
    type Hook = ViaMmap;
}
