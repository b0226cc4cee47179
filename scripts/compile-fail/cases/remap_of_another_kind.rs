// SPDX-License-Identifier: GPL-2.0
//! `remap_pfn_range()` is for `VM_PFNMAP`, which it would set in C, whatever the VMA has already.

#[cfg(misuse)]
use kernel::mm::vma::driver::MixedMap as Pages;
#[cfg(not(misuse))]
use kernel::mm::vma::driver::PfnMap as Pages;
use kernel::mm::vma::driver::{
    Mapped, OperationsTable, PfnBacked, Prepared, ViaMmap, ViaMmapPrepare, VmaDesc, VmaSetup,
};
use kernel::prelude::*;

fn mmap<T>(vma: VmaSetup<'_, Pages>, data: T::Data, addr: usize) -> Result<Mapped<'_>>
where
    T: OperationsTable<PageKind = Pages, Hook = ViaMmap>,
    T::Data: PfnBacked,
{
    vma.remap_pfn_range::<T>(data, addr, 0, 1) //~ E0277 "cannot be mapped into a VMA of the kind `MixedMap`"
}

fn mmap_prepare<'a, T>(
    desc: VmaDesc<'a, Pages>,
    data: &'a T::Data,
    addr: usize,
) -> Result<Prepared<'a>>
where
    T: OperationsTable<PageKind = Pages, Hook = ViaMmapPrepare>,
    T::Data: PfnBacked,
{
    desc.remap_pfn_range::<T>(data, addr, 0, 1) //~ E0277 "needs a VMA of the kind `PfnMap`"
}
