// SPDX-License-Identifier: GPL-2.0
//! Operations have one table: by a second one half of their VMAs would be taken for somebody
//! else's.

use kernel::mm::vma::driver::{Plain, ViaMmap, VmaOperations};
use kernel::prelude::*;

include!("support/module.rs");

struct Ops;
kernel::vm_operations!(Ops);
#[cfg(misuse)]
kernel::vm_operations!(Ops); //~ E0119 "conflicting implementations of trait `OperationsTable` for type `Ops`"

#[vtable]
impl VmaOperations for Ops {
    type Data = ();
    type PageKind = Plain;
    type Hook = ViaMmap;
}
