// SPDX-License-Identifier: GPL-2.0
//! Neither read lock can be upgraded.

#[cfg(not(misuse))]
use kernel::mm::vma::MmapWrite as Held;
#[cfg(misuse)]
use kernel::mm::vma::Read as Held;
use kernel::mm::vma::Vma;

fn lock(vma: &Vma<Held>) {
    vma.start_write(); //~ E0277 "does not hold the mmap write lock"
}
