// SPDX-License-Identifier: GPL-2.0
//! A fault is handled under a read lock, the mmap lock's or the VMA's: nothing of the VMA is
//! written.

use kernel::mm::vma::{
    driver::{DriverVma, Fault, VmaOperations},
    AdviceFlags, VmaWrite,
};

fn change<T: VmaOperations>(fault: &Fault<'_, T>, in_mremap: &DriverVma<T, VmaWrite>) -> bool {
    #[cfg(misuse)]
    let vma = fault.vma();
    #[cfg(not(misuse))]
    let vma = in_mremap;
    vma.start_write(); //~ E0277 "does not hold the mmap write lock"
    vma.set_flags(AdviceFlags::DONTDUMP); //~ E0277 "needs the mmap write lock and the VMA write lock"
    fault.flags().is_write()
}
