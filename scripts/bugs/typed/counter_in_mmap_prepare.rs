// SPDX-License-Identifier: GPL-2.0
//! A counter goes up in `.mmap_prepare`, although the VMA may be merged or not come about.

use kernel::mm::vma::driver::{Plain, Prepared, ViaMmapPrepare, VmaDesc, VmaOperations};
use kernel::prelude::*;
use kernel::sync::atomic::{Atomic, Relaxed};

include!("../../compile-fail/cases/support/module.rs");

struct Ops;
kernel::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = ();
    type PageKind = Plain;
    type Hook = ViaMmapPrepare;
}

fn mmap_prepare<'a>(mappings: &Atomic<usize>, desc: VmaDesc<'a>) -> Result<Prepared<'a>> {
    mappings.fetch_add(1, Relaxed);
    Ok(desc.with_ops::<Ops>(&()))
}
