// SPDX-License-Identifier: GPL-2.0
//! A VMA is declared to have page frames only before they are mapped: a private mapping that can
//! become writable is refused then.

#[cfg(not(misuse))]
use kernel::mm::vma::driver::PfnMap as Pages;
#[cfg(misuse)]
use kernel::mm::vma::driver::Plain as Pages;
use kernel::mm::vma::driver::{Mapped, OperationsTable, PfnBacked, ViaMmap, VmaSetup};
use kernel::prelude::*;

fn mmap<T>(vma: VmaSetup<'_>, data: T::Data) -> Result<Mapped<'_>>
where
    T: OperationsTable<PageKind = Pages, Hook = ViaMmap>,
    T::Data: PfnBacked,
{
    let start = vma.start();
    #[cfg(not(misuse))]
    let vma = vma.pfnmap()?;
    vma.remap_pfn_range::<T>(data, start, 0, 1) //~ E0277 "call `pfnmap()` before"
}
