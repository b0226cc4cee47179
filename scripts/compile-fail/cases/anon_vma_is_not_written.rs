// SPDX-License-Identifier: GPL-2.0
//! `anon_vma`, and the links of a VMA to the trees of the reverse mapping, cannot be written:
//! d8ab9f7b644a set it without the VMA write lock. The whole operation is offered instead.
//@never: "no method named"
//@never: "similar name"

#[cfg(misuse)]
use kernel::mm::vma::rmap::{AnonVmaWriteGuard, IMmapWriteGuard};
use kernel::{
    error::Result,
    mm::vma::{order::MmapLock, rmap::AnonVma, LockOrder, MmapRead, Vma},
};

fn link(vma: &Vma<MmapRead>, anon_vma: &AnonVma, order: &mut LockOrder<'_, MmapLock>) -> Result {
    #[cfg(misuse)]
    let _ = (order, vma.set_anon_vma(anon_vma)); //~ E0277 "call `anon_vma_prepare()` on a view that `VmaLocks::read()` gives"
    #[cfg(not(misuse))]
    let _ = anon_vma;
    #[cfg(not(misuse))]
    vma.anon_vma_prepare(order)?;
    Ok(())
}

#[cfg(misuse)]
fn merge(to: &Vma<MmapRead>, from: &Vma<MmapRead>) -> Result {
    to.with_page_table_lock(|_: &()| ()); //~ E0277 "takes the mmap lock and `page_table_lock` to set"
    to.anon_vma_clone(from) //~ E0277 "only mm/ keeps these in step (C: `__anon_vma_prepare()`"
}

#[cfg(misuse)]
fn unlink(vma: &Vma<MmapRead>, lock: &AnonVmaWriteGuard<'_>, i_mmap: &IMmapWriteGuard<'_>) -> Result {
    vma.unlink_anon_vmas(); //~ E0277 "the `anon_vma` of a VMA is neither set nor reset through a view"
    vma.clear_anon_vma(lock)?; //~ E0277 "the mmap, VMA and `anon_vma` write locks to reset, which are not enough"
    vma.anon_vma_chain(lock); //~ E0277 "takes the write lock of the reverse mapping, which is not enough"
    vma.shared_rb(i_mmap); //~ E0277 "call `vmas()` on an `IMmapGuard` or an `AnonVmaGuard`"
    vma.shared_rb_subtree_last(i_mmap); //~ E0277 "(C: `mapping_rmap_tree_insert()`"
    Ok(())
}
