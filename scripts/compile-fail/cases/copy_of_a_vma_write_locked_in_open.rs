// SPDX-License-Identifier: GPL-2.0
//! In `open` nobody can find the VMA yet: it is not in the address space, and must not be made
//! known before it is ready. A child's VMA that was, by its file, was CVE-2024-27022.

#[cfg(misuse)]
use kernel::mm::vma::Opening as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::VmaWrite as Held;
use kernel::mm::vma::{
    driver::{DriverVma, VmaOperations},
    order::MmapLock,
    AdviceFlags, LockOrder,
};

fn change<T: VmaOperations>(vma: &DriverVma<T, Held>, order: &mut LockOrder<'_, MmapLock>) {
    vma.start_write(); //~ E0277 "lock level `Opening` does not hold the mmap write lock"
    vma.set_flags(AdviceFlags::DONTDUMP); //~ E0277 "cannot be written at lock level `Opening`"
    drop(vma.lock_rmap(order)); //~ E0277 "cannot be written at lock level `Opening`"
}
