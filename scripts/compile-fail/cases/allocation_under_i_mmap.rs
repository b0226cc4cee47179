// SPDX-License-Identifier: GPL-2.0
//! Reclaim takes the locks of files' mappings: a task that holds one does not wait for memory.

use kernel::{
    error::Result,
    fs::LocalFile,
    mm::vma::{order::MmapLock, rmap::IMmap, LockOrder, MmapRead, Vma},
};

fn populate(
    vma: &Vma<MmapRead>,
    file: &LocalFile,
    order: &mut LockOrder<'_, MmapLock>,
) -> Result<bool> {
    let mut i_mmap = IMmap::of(file).lock_read(order);
    #[cfg(misuse)]
    let (i_mmap, mut inner) = i_mmap.order();
    #[cfg(misuse)]
    let order = &mut inner;
    #[cfg(not(misuse))]
    let _ = i_mmap.order();
    #[cfg(not(misuse))]
    drop(i_mmap);
    vma.anon_vma_prepare(order)?; //~ E0277 "memory cannot be allocated while `IMmapLock` is held"
    let there = vma.with_pte_alloc(order, vma.start(), |_| ()); //~ E0277 "reclaim takes the reverse-mapping locks"
    #[cfg(misuse)]
    let _ = i_mmap;
    Ok(there.is_ok())
}
