// SPDX-License-Identifier: GPL-2.0
//! `anon_vma` is reset with the VMA write-locked: d8ab9f7b644a.

#[cfg(misuse)]
use kernel::mm::vma::MmapWrite as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::VmaWrite as Held;
use kernel::mm::vma::{rmap::AnonVmaWriteGuard, Vma};

fn unlink(vma: &Vma<Held>, lock: &AnonVmaWriteGuard<'_>) {
    // SAFETY: This is only compiled.
    let _ = unsafe { vma.clear_anon_vma(lock) }; //~ E0277 "needs the mmap write lock and the VMA write lock"
}
