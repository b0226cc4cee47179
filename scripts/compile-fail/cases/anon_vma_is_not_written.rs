// SPDX-License-Identifier: GPL-2.0
//! `anon_vma`, and the links of a VMA to the trees of the reverse mapping, cannot be written:
//! d8ab9f7b644a set it without the VMA write lock. The whole operation is offered instead.

#[cfg(misuse)]
use kernel::mm::vma::rmap::{AnonVmaWriteGuard, IMmapWriteGuard};
use kernel::{
    error::Result,
    mm::vma::{order::MmapLock, rmap::AnonVma, LockOrder, MmapRead, Vma},
};

fn link(vma: &Vma<MmapRead>, anon_vma: &AnonVma, order: &mut LockOrder<'_, MmapLock>) -> Result {
    #[cfg(misuse)]
    let _ = (order, vma.set_anon_vma(anon_vma)); //~ E0599 "no method named `set_anon_vma` found"
    #[cfg(not(misuse))]
    let _ = anon_vma;
    #[cfg(not(misuse))]
    vma.anon_vma_prepare(order)?;
    Ok(())
}

#[cfg(misuse)]
fn unlink(vma: &Vma<MmapRead>, lock: &AnonVmaWriteGuard<'_>, i_mmap: &IMmapWriteGuard<'_>) {
    vma.clear_anon_vma(lock); //~ E0599 "no method named `clear_anon_vma` found"
    vma.anon_vma_chain(lock); //~ E0599 "no method named `anon_vma_chain` found"
    vma.shared_rb(i_mmap); //~ E0599 "no method named `shared_rb` found"
}
