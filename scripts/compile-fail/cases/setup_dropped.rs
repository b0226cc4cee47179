// SPDX-License-Identifier: GPL-2.0
//! A setup that does not end with operations, and an end that is not returned, set up nothing.
#![deny(unused_must_use)]

use kernel::mm::vma::driver::{Mapped, OperationsTable, Plain, ViaMmap, VmaSetup};
use kernel::prelude::*;

fn mmap<T>(vma: VmaSetup<'_>, data: T::Data) -> Result<Mapped<'_>>
where
    T: OperationsTable<PageKind = Plain, Hook = ViaMmap>,
{
    #[cfg(misuse)]
    vma.with_ops::<T>(data); //~ unused_must_use "the hook has to return it"
    #[cfg(misuse)]
    return Err(EINVAL);
    #[cfg(not(misuse))]
    return Ok(vma.with_ops::<T>(data));
}

fn fail(vma: VmaSetup<'_>) -> Result {
    #[cfg(misuse)]
    vma.mixedmap(); //~ unused_must_use "a setup does nothing until it ends with the operations of the VMA"
    #[cfg(not(misuse))]
    drop(vma);
    Err(ENODEV)
}
