// SPDX-License-Identifier: GPL-2.0
//! What the mmap hook says of a VMA's pages is what its operations say.

#[cfg(not(misuse))]
use kernel::mm::vma::driver::PfnMap as Pages;
#[cfg(misuse)]
use kernel::mm::vma::driver::Plain as Pages;
use kernel::mm::vma::driver::{
    Mapped, OperationsTable, PfnMap, Prepared, ViaMmap, ViaMmapPrepare, VmaDesc, VmaSetup,
};

fn mmap<T>(vma: VmaSetup<'_, PfnMap>, data: T::Data) -> Mapped<'_>
where
    T: OperationsTable<Kind = Pages, Hook = ViaMmap>,
{
    vma.with_ops::<T>(data) //~ E0271 "expected `PfnMap`, found `Plain`"
}

fn mmap_prepare<'a, T>(desc: VmaDesc<'a, PfnMap>, data: &'a T::Data) -> Prepared<'a>
where
    T: OperationsTable<Kind = Pages, Hook = ViaMmapPrepare>,
{
    desc.with_ops::<T>(data) //~ E0271 "expected `PfnMap`, found `Plain`"
}
