// SPDX-License-Identifier: GPL-2.0
//! From a view there is no way back to the mmap lock: it would be taken in the wrong order.

use kernel::mm::{
    vma::{MmapGuard, MmapRead, VmaLocks},
    MmWithUser,
};

fn again<'a>(mm: &'a MmWithUser, mmap: MmapGuard<'a, MmapRead>, addr: usize) -> Option<VmaLocks<'a>> {
    let vma = mmap.lookup(addr)?;
    let _same = core::ptr::eq(vma.mm(), &**mm);
    #[cfg(misuse)]
    return Some(vma.mm().vma_locks()); //~ E0277 "call `mmget_not_zero()` on an `Mm`"
    #[cfg(not(misuse))]
    return Some(mm.vma_locks());
}
