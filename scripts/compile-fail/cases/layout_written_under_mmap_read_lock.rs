// SPDX-License-Identifier: GPL-2.0
//! Nor is it written under a read lock.

#[cfg(misuse)]
use kernel::mm::vma::MmapRead as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::RmapWrite as Held;
use kernel::mm::vma::Vma;

fn shrink(vma: &Vma<Held>, end: usize) {
    // SAFETY: This is only compiled.
    unsafe { vma.set_end(end) }; //~ E0277 "call `lock_rmap()` on a view that `start_write()` gives"
}
