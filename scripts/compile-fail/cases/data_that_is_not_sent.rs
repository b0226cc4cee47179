// SPDX-License-Identifier: GPL-2.0
//! Data that is bound to a task cannot be the data of a VMA: another task may tear the address
//! space down.

use kernel::mm::vma::driver::{Plain, ViaMmap, VmaOperations};
#[cfg(misuse)]
use kernel::types::NotThreadSafe as Marker;
use kernel::{prelude::*, sync::Arc};

include!("support/module.rs");

#[cfg(not(misuse))]
struct Marker;

struct Buffer {
    _marker: Marker,
    _pages: usize,
}

struct Ops;

#[vtable]
impl VmaOperations for Ops {
    type Data = Arc<Buffer>;
    //~^ E0277 "cannot be sent between threads safely"
    //~^^ E0277 "cannot be shared between threads safely"
    type PageKind = Plain;
    type Hook = ViaMmap;
}
