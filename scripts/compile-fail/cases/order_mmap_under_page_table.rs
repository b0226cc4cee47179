// SPDX-License-Identifier: GPL-2.0
//! Under the spinlock of a page table nothing may sleep, and the mmap lock comes long before it.
//@order: mmap under page table

use kernel::mm::vma::VmaLocks;

fn through_the_guard(locks: &mut VmaLocks<'_>, addr: usize) -> Option<bool> {
    let mmap = locks.read();
    let vma = mmap.lookup(addr)?;
    vma.with_pte(addr, |entry| {
        #[cfg(misuse)]
        drop(locks.read()); //~^^ E0500 "closure requires unique access to `*locks` but it is already borrowed"
        entry.get().is_present()
    })
    .ok()
}

fn through_the_vma_lock(locks: &mut VmaLocks<'_>, addr: usize) -> Option<()> {
    let vma = locks.lock_vma_under_rcu(addr)?;
    vma.with_pmd(addr, |_| {
        #[cfg(misuse)]
        drop(locks.write()); //~^^ E0500 "closure requires unique access to `*locks` but it is already borrowed"
    })
    .ok()
}
