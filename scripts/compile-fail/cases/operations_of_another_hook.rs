// SPDX-License-Identifier: GPL-2.0
//! Between `.mmap_prepare` and `mapped` a VMA has its data by another name, so operations are for
//! one of the hooks.

use kernel::mm::vma::driver::{
    Mapped, OperationsTable, PfnBacked, PfnMap, Plain, Prepared, VmaDesc, VmaSetup,
};
#[cfg(not(misuse))]
use kernel::mm::vma::driver::{ViaMmap as Mmap, ViaMmapPrepare as MmapPrepare};
#[cfg(misuse)]
use kernel::mm::vma::driver::{ViaMmap as MmapPrepare, ViaMmapPrepare as Mmap};
use kernel::prelude::*;

fn mmap<T>(vma: VmaSetup<'_>, data: T::Data) -> Mapped<'_>
where
    T: OperationsTable<Kind = Plain, Hook = Mmap>,
{
    vma.with_ops::<T>(data) //~ E0271 "expected `ViaMmap`, found `ViaMmapPrepare`"
}

fn mmap_prepare<'a, T>(desc: VmaDesc<'a>, data: &'a T::Data) -> Prepared<'a>
where
    T: OperationsTable<Kind = Plain, Hook = MmapPrepare>,
{
    desc.with_ops::<T>(data) //~ E0271 "expected `ViaMmapPrepare`, found `ViaMmap`"
}

fn remap<T>(vma: VmaSetup<'_, PfnMap>, data: T::Data, addr: usize) -> Result<Mapped<'_>>
where
    T: OperationsTable<Kind = PfnMap, Hook = Mmap>,
    T::Data: PfnBacked,
{
    vma.remap_pfn_range::<T>(data, addr, 0, 1) //~ E0271 "expected `ViaMmap`, found `ViaMmapPrepare`"
}
