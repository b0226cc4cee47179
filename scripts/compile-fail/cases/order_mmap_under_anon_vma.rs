// SPDX-License-Identifier: GPL-2.0
//! The mmap lock comes before the lock of anonymous mappings.
//@order: mmap under anon_vma

use kernel::mm::{
    vma::{rmap::AnonVma, LockOrder},
    MmWithUser,
};

fn is_mapped(anon_vma: &AnonVma, mm: &MmWithUser, addr: usize) -> bool {
    let mut order = LockOrder::new();
    #[cfg(misuse)]
    let mut anon_vma = anon_vma.lock_write(&mut order);
    #[cfg(misuse)]
    let (_anon_vma, mut order) = anon_vma.nest();
    #[cfg(not(misuse))]
    drop(anon_vma.lock_write(&mut order));
    let mut locks = order.vma_locks(mm); //~ E0277 "`MmapLock` cannot be taken while `AnonVmaLock` is held"
    let mmap = locks.read();
    mmap.lookup(addr).is_some()
}
