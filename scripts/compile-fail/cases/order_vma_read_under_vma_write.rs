// SPDX-License-Identifier: GPL-2.0
//! A VMA is not read-locked by who has it write-locked: the count of readers would be what the writer
//! waits for.
//@order: VMA read under VMA write

use kernel::mm::{vma::AdviceFlags, MmWithUser};

fn both(mm: &MmWithUser, addr: usize) -> Option<()> {
    let mut locks = mm.vma_locks();
    let mmap = locks.write();
    let written = mmap.lookup(addr)?.start_write();
    #[cfg(not(misuse))]
    written.set_flags(AdviceFlags::DONTDUMP);
    #[cfg(not(misuse))]
    drop(mmap);
    let read = locks.lock_vma_under_rcu(addr)?; //~ E0502 "cannot borrow `locks` as immutable because it is also borrowed as mutable"
    #[cfg(misuse)]
    written.set_flags(AdviceFlags::DONTDUMP);
    drop(read);
    Some(())
}
