// SPDX-License-Identifier: GPL-2.0
//! Rust Binder remembers where the buffer of a process is, and puts pages in later, or takes them out
//! for the shrinker. CVE-2026-43434: nobody asked whether the buffer is still mapped there.

use kernel::mm::{
    vma::driver::{DriverVma, MixedMap, SharedPage, ViaMmap, VmaOperations},
    vma::{ReadFields, Vma},
    Mm, MmWithUser,
};
use kernel::page::PAGE_SIZE;
use kernel::prelude::*;
use kernel::sync::{aref::ARef, Arc};

include!("support/module.rs");

struct Process {
    pages: ShrinkablePageRange,
}

struct ShrinkablePageRange {
    mm: ARef<Mm>,
    vma_addr: usize,
}

struct BinderOps;
kernel::vm_operations!(BinderOps);

#[vtable]
impl VmaOperations for BinderOps {
    type Data = Arc<Process>;
    type PageKind = MixedMap;
    type Hook = ViaMmap;
}

/// Returns the VMA as one of Binder's, if it maps this range.
#[cfg(not(misuse))]
fn own<'v, L: ReadFields>(
    vma: &'v Vma<L>,
    owner: &ShrinkablePageRange,
) -> Option<&'v DriverVma<BinderOps, L>> {
    vma.downcast::<BinderOps>()
        .filter(|vma| core::ptr::eq(&vma.data().pages, owner))
}

#[cfg(misuse)]
fn own<'v, L: ReadFields>(vma: &'v Vma<L>, _: &ShrinkablePageRange) -> Option<&'v Vma<L>> {
    Some(vma)
}

impl ShrinkablePageRange {
    fn use_page(&self, addr: usize, page: &SharedPage) -> Result {
        let mm = MmWithUser::into_mmput_async(self.mm.mmget_not_zero().ok_or(ESRCH)?);
        let mut locks = mm.vma_locks();
        let mut vma = locks.lock_vma(self.vma_addr).ok_or(ESRCH)?;
        let (vma, mut order) = vma.nest();
        let vma = own(vma, self).ok_or(ESRCH)?;
        vma.insert_page(&mut order, addr, page) //~ E0277 "it is not known whose VMA this is"
    }

    fn free_page(&self, addr: usize) -> Result {
        let mm = MmWithUser::into_mmput_async(self.mm.mmget_not_zero().ok_or(ESRCH)?);
        let locks = mm.vma_locks();
        let vma = locks.lock_vma_under_rcu(self.vma_addr).ok_or(EAGAIN)?;
        let vma = own(&*vma, self).ok_or(ESRCH)?;
        vma.zap_pages(addr..addr + PAGE_SIZE) //~ E0277 "it is not known whose VMA this is"
    }
}
