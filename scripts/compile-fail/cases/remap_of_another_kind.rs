// SPDX-License-Identifier: GPL-2.0
//! `remap_pfn_range()` is for `VM_PFNMAP`, which it would set in C, whatever the VMA has already.

use kernel::mm::vma::driver::{
    Mapped, OperationsTable, PfnBacked, PfnMap, Prepared, ViaMmap, ViaMmapPrepare, VmaDesc,
    VmaSetup,
};
use kernel::prelude::*;

fn mmap<T>(vma: VmaSetup<'_>, data: T::Data, addr: usize) -> Result<Mapped<'_>>
where
    T: OperationsTable<Kind = PfnMap, Hook = ViaMmap>,
    T::Data: PfnBacked,
{
    #[cfg(misuse)]
    let vma = vma.mixedmap();
    #[cfg(not(misuse))]
    let vma = vma.pfnmap()?;
    vma.remap_pfn_range::<T>(data, addr, 0, 1) //~ E0599 "no method named `remap_pfn_range` found"
}

fn mmap_prepare<'a, T>(desc: VmaDesc<'a>, data: &'a T::Data, addr: usize) -> Result<Prepared<'a>>
where
    T: OperationsTable<Kind = PfnMap, Hook = ViaMmapPrepare>,
    T::Data: PfnBacked,
{
    #[cfg(not(misuse))]
    let desc = desc.pfnmap()?;
    desc.remap_pfn_range::<T>(data, addr, 0, 1) //~ E0599 "no method named `remap_pfn_range` found"
}
