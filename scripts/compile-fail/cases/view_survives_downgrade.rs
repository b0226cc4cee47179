// SPDX-License-Identifier: GPL-2.0
//! Downgrading ends all VMA write locks, so no write view survives it.

use kernel::mm::{vma::AdviceFlags, MmWithUser};

fn dont_dump(mm: &MmWithUser, addr: usize) -> Option<()> {
    let mut locks = mm.vma_locks();
    let mmap = locks.write();
    let vma = mmap.lookup(addr)?.start_write();
    #[cfg(misuse)]
    let mmap = mmap.downgrade(); //~ E0505 "cannot move out of `mmap` because it is borrowed"
    vma.set_flags(AdviceFlags::DONTDUMP);
    #[cfg(not(misuse))]
    let mmap = mmap.downgrade();
    drop(mmap);
    Some(())
}
