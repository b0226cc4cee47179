// SPDX-License-Identifier: GPL-2.0
//! The kind of pages that the mmap hook declares must be that of the operations.

#[cfg(not(misuse))]
use kernel::mm::vma::driver::MixedMap as Pages;
#[cfg(misuse)]
use kernel::mm::vma::driver::Plain as Pages;
use kernel::mm::vma::driver::{
    Mapped, MixedMap, Prepared, ViaMmap, ViaMmapPrepare, VmaDesc, VmaOperations, VmaSetup,
};
use kernel::prelude::*;

include!("support/module.rs");

struct Ops;
kernel::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = ();
    type PageKind = Pages;
    type Hook = ViaMmap;
}

struct PrepareOps;
kernel::vm_operations!(PrepareOps);

#[vtable]
impl VmaOperations for PrepareOps {
    type Data = ();
    type PageKind = Pages;
    type Hook = ViaMmapPrepare;
}

fn mmap(vma: VmaSetup<'_, MixedMap>) -> Mapped<'_> {
    vma.with_ops::<Ops>(()) //~ E0277 "operations with `type PageKind = Plain` cannot be given to a VMA of the kind `MixedMap`"
}

fn mmap_prepare(desc: VmaDesc<'_, MixedMap>) -> Prepared<'_> {
    desc.with_ops::<PrepareOps>(&()) //~ E0277 "operations with `type PageKind = Plain` cannot be given to a VMA of the kind `MixedMap`"
}
