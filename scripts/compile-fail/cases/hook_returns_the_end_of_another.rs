// SPDX-License-Identifier: GPL-2.0
//! A hook returns the result of the setup that it was called with: a second mapping of the same
//! device has a setup of its own.

use kernel::mm::vma::driver::{
    Mapped, OperationsTable, Plain, Prepared, ViaMmap, ViaMmapPrepare, VmaDesc, VmaSetup,
};

fn mmap<'a, 'b, T>(mine: VmaSetup<'a>, other: VmaSetup<'b>, data: T::Data) -> Mapped<'a>
where
    T: OperationsTable<PageKind = Plain, Hook = ViaMmap>,
{
    #[cfg(misuse)]
    let (mine, other) = (other, mine);
    drop(other);
    mine.with_ops::<T>(data) //~ error "lifetime may not live long enough"
}

fn mmap_prepare<'a, 'b, T>(
    mine: VmaDesc<'a>,
    other: VmaDesc<'b>,
    data: &'static T::Data,
) -> Prepared<'a>
where
    T: OperationsTable<PageKind = Plain, Hook = ViaMmapPrepare>,
{
    #[cfg(misuse)]
    let (mine, other) = (other, mine);
    drop(other);
    mine.with_ops::<T>(data) //~ error "lifetime may not live long enough"
}
