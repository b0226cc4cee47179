// SPDX-License-Identifier: GPL-2.0
//! A write view ends with the mmap write lock.

use kernel::mm::{vma::AdviceFlags, MmWithUser};

fn dont_dump(mm: &MmWithUser, addr: usize) -> Option<()> {
    let mut locks = mm.vma_locks();
    let mmap = locks.write();
    let vma = mmap.lookup(addr)?.start_write();
    #[cfg(misuse)]
    drop(mmap); //~ E0505 "cannot move out of `mmap` because it is borrowed"
    vma.set_flags(AdviceFlags::DONTDUMP);
    #[cfg(not(misuse))]
    drop(mmap);
    Some(())
}
