// SPDX-License-Identifier: GPL-2.0
//! Reclaim takes the locks of files' mappings: a task that holds one does not wait for memory.
//@never: "fully-qualified path"

use kernel::{
    error::Result,
    fs::LocalFile,
    mm::vma::{
        driver::{DriverVma, MixedMap, PfnBacked, SharedPage, VmaOperations},
        order::MmapLock,
        rmap::IMmap,
        AnonVmaName, LockOrder, MmapRead, Vma, VmaWrite,
    },
};

fn populate(
    vma: &Vma<MmapRead>,
    file: &LocalFile,
    order: &mut LockOrder<'_, MmapLock>,
) -> Result<bool> {
    let mut i_mmap = IMmap::of(file).lock_read(order);
    #[cfg(misuse)]
    let (i_mmap, mut inner) = i_mmap.nest();
    #[cfg(misuse)]
    let order = &mut inner;
    #[cfg(not(misuse))]
    let _ = i_mmap.nest();
    #[cfg(not(misuse))]
    drop(i_mmap);
    vma.anon_vma_prepare(order)?; //~ E0277 "memory cannot be allocated while `IMmapLock` is held"
    let there = vma.with_pte_alloc(order, vma.start(), |_| ()); //~ E0277 "reclaim takes the reverse-mapping locks"
    #[cfg(misuse)]
    let _ = i_mmap;
    Ok(there.is_ok())
}

fn insert<T>(
    vma: &DriverVma<T, MmapRead>,
    file: &LocalFile,
    page: &SharedPage,
    order: &mut LockOrder<'_, MmapLock>,
) -> Result
where
    T: VmaOperations<PageKind = MixedMap>,
    T::Data: PfnBacked,
{
    let mut i_mmap = IMmap::of(file).lock_read(order);
    #[cfg(misuse)]
    let (_i_mmap, mut inner) = i_mmap.nest();
    #[cfg(misuse)]
    let order = &mut inner;
    #[cfg(not(misuse))]
    let _ = i_mmap.nest();
    #[cfg(not(misuse))]
    drop(i_mmap);
    vma.insert_page(order, vma.start(), page)?; //~ E0277 "memory cannot be allocated while `IMmapLock` is held"
    vma.insert_pages(order, vma.start(), &[page]).1?; //~ E0277 "allocates memory, which can wait for reclaim"
    vma.insert_pfn(order, vma.start(), 0) //~ E0277 "release the lock of the class `IMmapLock`"
}

// With the order that the guard borrows.
fn describe(
    vma: &Vma<VmaWrite>,
    name: &AnonVmaName,
    file: &LocalFile,
    order: &mut LockOrder<'_, MmapLock>,
) -> Result {
    let i_mmap = IMmap::of(file).lock_write(order);
    #[cfg(not(misuse))]
    drop(i_mmap);
    vma.set_anon_name(order, Some(name))?; //~ E0499 "cannot borrow `*order` as mutable more than once at a time"
    #[cfg(misuse)]
    drop(i_mmap);
    Ok(())
}
