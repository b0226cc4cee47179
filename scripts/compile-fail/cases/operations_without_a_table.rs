// SPDX-License-Identifier: GPL-2.0
//! A VMA is known by the table of its operations, so operations that have none cannot be asked for,
//! nor given to a VMA.

use kernel::mm::vma::{
    driver::{Mapped, Plain, ViaMmap, VmaOperations, VmaSetup},
    MmapRead, Vma,
};
use kernel::prelude::*;

include!("support/module.rs");

struct Ops;
#[cfg(not(misuse))]
kernel::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = ();
    type PageKind = Plain;
    type Hook = ViaMmap;
}

fn is_own(vma: &Vma<MmapRead>) -> bool {
    vma.downcast::<Ops>().is_some() //~ E0277 "make one with `kernel::vm_operations!(Ops);`"
}

fn mmap(vma: VmaSetup<'_>) -> Mapped<'_> {
    vma.with_ops::<Ops>(()) //~ E0277 "make one with `kernel::vm_operations!(Ops);`"
}
