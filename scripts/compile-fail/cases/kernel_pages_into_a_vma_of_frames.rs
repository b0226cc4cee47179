// SPDX-License-Identifier: GPL-2.0
//! Many pages are mapped as one is: into a VMA that has `VM_MIXEDMAP`.

use kernel::mm::vma::driver::{
    OperationsTable, Prepared, SharedBuffer, ViaMmapPrepare, VmaDesc, VmaSetup,
};
use kernel::prelude::*;
use kernel::sync::Arc;
#[cfg(not(misuse))]
use kernel::mm::vma::driver::MixedMap as Kind;
#[cfg(misuse)]
use kernel::mm::vma::driver::Plain as Kind;

fn pages(vma: VmaSetup<'_>, buffer: &SharedBuffer) -> Result {
    #[cfg(misuse)]
    let mut vma = vma.pfnmap()?;
    #[cfg(not(misuse))]
    let mut vma = vma.mixedmap();
    let start = vma.start();
    vma.map_kernel_pages(start, buffer.pages()) //~ E0277 "pages cannot be inserted into a VMA of the kind `PfnMap`"
}

fn buffer(vma: VmaSetup<'_>, buffer: &SharedBuffer) -> Result {
    #[cfg(misuse)]
    let mut vma = vma;
    #[cfg(not(misuse))]
    let mut vma = vma.mixedmap();
    vma.map_buffer(buffer, 0) //~ E0277 "pages cannot be inserted into a VMA of the kind `Plain`"
}

fn description<'a, T>(desc: VmaDesc<'a>, device: &'a Arc<SharedBuffer>) -> Result<Prepared<'a>>
where
    T: OperationsTable<PageKind = Kind, Hook = ViaMmapPrepare, Data = Arc<SharedBuffer>>,
{
    let addr = desc.start();
    #[cfg(not(misuse))]
    let desc = desc.mixedmap();
    desc.map_kernel_pages::<T>(device, addr, device.pages()) //~ E0277 "pages cannot be inserted into a VMA of the kind `Plain`"
}
