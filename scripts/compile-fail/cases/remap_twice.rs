// SPDX-License-Identifier: GPL-2.0
//! `remap_pfn_range()` is the end of a setup, once: the entries must be empty before.

use kernel::mm::vma::driver::{Mapped, OperationsTable, PfnBacked, PfnMap, ViaMmap, VmaSetup};
use kernel::prelude::*;

fn mmap<T>(vma: VmaSetup<'_, PfnMap>, data: T::Data) -> Result<Mapped<'_>>
where
    T: OperationsTable<PageKind = PfnMap, Hook = ViaMmap>,
    T::Data: PfnBacked,
{
    let start = vma.start();
    #[cfg(misuse)]
    drop(vma.remap_pfn_range::<T>(data.clone(), start, 0, 1)?);
    vma.remap_pfn_range::<T>(data, start, 0, 1) //~ E0382 "use of moved value: `vma`"
}
