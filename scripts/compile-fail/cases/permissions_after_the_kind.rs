// SPDX-License-Identifier: GPL-2.0
//! A private mapping may have page frames only without `VM_MAYWRITE`, and pages are mapped with the
//! permissions of the VMA, so these are changed before the kind of pages is chosen.

use kernel::mm::vma::driver::{Mapped, OperationsTable, PfnMap, ViaMmap, VmaSetup};
use kernel::prelude::*;

#[cfg_attr(misuse, allow(unused_mut))]
fn mmap<T>(mut vma: VmaSetup<'_>, data: T::Data) -> Result<Mapped<'_>>
where
    T: OperationsTable<PageKind = PfnMap, Hook = ViaMmap>,
{
    #[cfg(misuse)]
    let vma = vma.pfnmap()?;
    vma.try_clear_maywrite()?; //~ E0277 "to be called before the kind is chosen"
    vma.try_set_read()?; //~ E0277 "to be called before the kind is chosen"
    vma.clear_write(); //~ E0277 "to be called before the kind is chosen"
    #[cfg(not(misuse))]
    let vma = vma.pfnmap()?;
    Ok(vma.with_ops::<T>(data))
}
