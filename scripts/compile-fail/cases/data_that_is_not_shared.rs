// SPDX-License-Identifier: GPL-2.0
//! Faults of several tasks use the data at the same time.

#[cfg(misuse)]
use core::cell::Cell as Count;
use kernel::mm::vma::driver::{Plain, ViaMmap, VmaOperations};
#[cfg(not(misuse))]
use kernel::sync::atomic::Atomic as Count;
use kernel::{prelude::*, sync::Arc};

include!("support/module.rs");

struct Ops;

#[vtable]
impl VmaOperations for Ops {
    type Data = Arc<Count<u32>>; //~ E0277 "`Cell<u32>` cannot be shared between threads safely"
    type PageKind = Plain;
    type Hook = ViaMmap;
}
