// SPDX-License-Identifier: GPL-2.0
//! An mmap hook that succeeds has given the VMA its operations: there is no other way to make what
//! it returns.

use kernel::mm::vma::driver::{
    Mapped, OperationsTable, Plain, Prepared, ViaMmap, ViaMmapPrepare, VmaDesc, VmaSetup,
};
use kernel::prelude::*;

fn mmap<T>(vma: VmaSetup<'_>, data: T::Data) -> Result<Mapped<'_>>
where
    T: OperationsTable<PageKind = Plain, Hook = ViaMmap>,
{
    vma.require_shared()?;
    #[cfg(misuse)]
    let mapped = drop(data);
    #[cfg(not(misuse))]
    let mapped = vma.with_ops::<T>(data);
    Ok(mapped) //~ E0308 "expected `Mapped<'_>`, found `()`"
}

fn mmap_prepare<'a, T>(desc: VmaDesc<'a>, data: &'a T::Data) -> Result<Prepared<'a>>
where
    T: OperationsTable<PageKind = Plain, Hook = ViaMmapPrepare>,
{
    desc.require_shared()?;
    #[cfg(misuse)]
    let prepared = drop(data.clone());
    #[cfg(not(misuse))]
    let prepared = desc.with_ops::<T>(data);
    Ok(prepared) //~ E0308 "expected `Prepared<'_>`, found `()`"
}
