// SPDX-License-Identifier: GPL-2.0
//! The VMA write lock lasts as long as the mmap write lock, which is not taken again under it.
//@order: mmap under VMA write

use kernel::mm::{vma::AdviceFlags, MmWithUser};

fn twice(mm: &MmWithUser, addr: usize) -> Option<()> {
    let mut locks = mm.vma_locks();
    let mmap = locks.write();
    let written = mmap.lookup(addr)?.start_write();
    #[cfg(not(misuse))]
    written.set_flags(AdviceFlags::DONTDUMP);
    #[cfg(not(misuse))]
    drop(mmap);
    let again = locks.write(); //~ E0499 "cannot borrow `locks` as mutable more than once at a time"
    #[cfg(misuse)]
    written.set_flags(AdviceFlags::DONTDUMP);
    drop(again);
    Some(())
}
