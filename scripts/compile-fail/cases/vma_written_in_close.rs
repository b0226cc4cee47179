// SPDX-License-Identifier: GPL-2.0
//! In `close` the VMA is detached from the address space, and `munmap()` may have downgraded the
//! mmap lock.

#[cfg(misuse)]
use kernel::mm::vma::Closing as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::VmaWrite as Held;
use kernel::mm::vma::{
    driver::{DriverVma, VmaOperations},
    AdviceFlags,
};

fn change<T: VmaOperations>(vma: &DriverVma<T, Held>) {
    vma.start_write(); //~ E0277 "lock level `Closing` does not hold the mmap write lock"
    vma.set_flags(AdviceFlags::DONTDUMP); //~ E0277 "cannot be written at lock level `Closing`"
}
