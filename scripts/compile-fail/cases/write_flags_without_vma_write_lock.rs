// SPDX-License-Identifier: GPL-2.0
//! The mmap write lock alone does not keep VMA readers out: flags are written after
//! `start_write()`.

use kernel::mm::vma::{AdviceFlags, MmapGuard, MmapWrite};

fn dont_dump(mmap: &MmapGuard<'_, MmapWrite>, addr: usize) -> Option<()> {
    let vma = mmap.lookup(addr)?;
    #[cfg(not(misuse))]
    let vma = vma.start_write();
    vma.set_flags(AdviceFlags::DONTDUMP); //~ E0277 "needs the mmap write lock and the VMA write lock"
    Some(())
}

fn do_dump(mmap: &MmapGuard<'_, MmapWrite>, addr: usize) -> Option<()> {
    let vma = mmap.lookup(addr)?;
    #[cfg(not(misuse))]
    let vma = vma.start_write();
    vma.clear_flags(AdviceFlags::DONTDUMP).ok() //~ E0277 "call `start_write()` on a view that `VmaLocks::write()` gives"
}
