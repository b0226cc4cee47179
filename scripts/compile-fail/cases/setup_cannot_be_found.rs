// SPDX-License-Identifier: GPL-2.0
//! A VMA that is being set up is not one that the reverse mapping may show: that was CVE-2024-27022.

#[cfg(misuse)]
use kernel::mm::vma::Setup as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::VmaWrite as Held;
use kernel::mm::vma::{order::MmapLock, LockOrder, Vma};

fn rmap(vma: &Vma<Held>, order: &mut LockOrder<'_, MmapLock>) -> bool {
    let all = vma.lock_rmap(order); //~ E0277 "cannot be written at lock level `Setup`"
    all.i_mmap().is_some()
}
