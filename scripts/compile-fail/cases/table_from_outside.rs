// SPDX-License-Identifier: GPL-2.0
//! Only `vm_operations!` declares a table, because each must be a `static` of its own: the compiler
//! may merge a constant with another driver's.

#[cfg(misuse)]
use kernel::mm::vma::driver::{OperationsTable, VmOpsTable};
use kernel::mm::vma::driver::{Plain, ViaMmap, VmaOperations};
use kernel::prelude::*;

include!("support/module.rs");

struct Ops;

#[vtable]
impl VmaOperations for Ops {
    type Data = ();
    type PageKind = Plain;
    type Hook = ViaMmap;
}

#[cfg(misuse)]
impl OperationsTable for Ops {
    //~^ E0200 "the trait `OperationsTable` requires an `unsafe impl` declaration"
    fn table() -> &'static VmOpsTable<Self> {
        static TABLE: VmOpsTable<Ops> = VmOpsTable::new();
        &TABLE
    }
}
#[cfg(not(misuse))]
kernel::vm_operations!(Ops);
