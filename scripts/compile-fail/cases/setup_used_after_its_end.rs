// SPDX-License-Identifier: GPL-2.0
//! A VMA that has its operations is set up: nothing more is changed, also not through a view of it.

use kernel::mm::vma::driver::{
    Mapped, OperationsTable, Plain, Prepared, SetupFlags, ViaMmap, ViaMmapPrepare, VmaDesc,
    VmaSetup,
};

#[cfg_attr(misuse, allow(unused_mut))]
fn mmap<T>(mut vma: VmaSetup<'_>, data: T::Data) -> Mapped<'_>
where
    T: OperationsTable<PageKind = Plain, Hook = ViaMmap>,
{
    #[cfg(not(misuse))]
    vma.set_flags(SetupFlags::IO);
    let mapped = vma.with_ops::<T>(data);
    #[cfg(misuse)]
    vma.set_flags(SetupFlags::IO); //~ E0382 "borrow of moved value: `vma`"
    mapped
}

#[cfg_attr(misuse, allow(unused_mut))]
fn mmap_prepare<'a, T>(mut desc: VmaDesc<'a>, data: &'a T::Data) -> Prepared<'a>
where
    T: OperationsTable<PageKind = Plain, Hook = ViaMmapPrepare>,
{
    #[cfg(not(misuse))]
    desc.set_flags(SetupFlags::IO);
    let prepared = desc.with_ops::<T>(data);
    #[cfg(misuse)]
    desc.set_flags(SetupFlags::IO); //~ E0382 "borrow of moved value: `desc`"
    prepared
}

fn mmap_with_a_view<T>(vma: VmaSetup<'_>, data: T::Data) -> (Mapped<'_>, usize)
where
    T: OperationsTable<PageKind = Plain, Hook = ViaMmap>,
{
    let view = &*vma;
    #[cfg(misuse)]
    let mapped = vma.with_ops::<T>(data); //~ E0505 "cannot move out of `vma` because it is borrowed"
    let start = view.start();
    #[cfg(not(misuse))]
    let mapped = vma.with_ops::<T>(data);
    (mapped, start)
}
