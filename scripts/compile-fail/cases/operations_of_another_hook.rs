// SPDX-License-Identifier: GPL-2.0
//! Between `.mmap_prepare` and `mapped` a VMA has its data by another name, so operations are for one
//! of the hooks.

use kernel::mm::vma::driver::{
    Mapped, PfnMap, PfnRegion, Plain, Prepared, VmaDesc, VmaOperations, VmaSetup,
};
#[cfg(not(misuse))]
use kernel::mm::vma::driver::{ViaMmap as Mmap, ViaMmapPrepare as MmapPrepare};
#[cfg(misuse)]
use kernel::mm::vma::driver::{ViaMmap as MmapPrepare, ViaMmapPrepare as Mmap};
use kernel::{prelude::*, sync::Arc};

include!("support/module.rs");

struct Ops;
kernel::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = Arc<PfnRegion<()>>;
    type PageKind = PfnMap;
    type Hook = Mmap;
}

struct PrepareOps;
kernel::vm_operations!(PrepareOps);

#[vtable]
impl VmaOperations for PrepareOps {
    type Data = Arc<u32>;
    type PageKind = Plain;
    type Hook = MmapPrepare;
}

fn mmap(vma: VmaSetup<'_>, data: Arc<PfnRegion<()>>) -> Result<Mapped<'_>> {
    Ok(vma.pfnmap()?.with_ops::<Ops>(data)) //~ E0277 "a `VmaSetup` needs operations with `type Hook = ViaMmap`"
}

fn remap(vma: VmaSetup<'_>, data: Arc<PfnRegion<()>>) -> Result<Mapped<'_>> {
    let start = vma.start();
    let vma = vma.pfnmap()?;
    vma.remap_pfn_range::<Ops>(data, start, 0, 1) //~ E0277 "a `VmaSetup` needs operations with `type Hook = ViaMmap`"
}

fn mmap_prepare<'a>(desc: VmaDesc<'a>, data: &'a Arc<u32>) -> Prepared<'a> {
    desc.with_ops::<PrepareOps>(data) //~ E0277 "a `VmaDesc` needs operations with `type Hook = ViaMmapPrepare`"
}
