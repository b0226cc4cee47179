// SPDX-License-Identifier: GPL-2.0
//! The VMA lock does not replace the mmap lock for setting `anon_vma`.

#[cfg(misuse)]
use kernel::mm::vma::VmaRead as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::MmapRead as Held;
use kernel::mm::vma::{order::MmapLock, LockOrder, Vma};

fn prepare(vma: &Vma<Held>, order: &mut LockOrder<'_, MmapLock>) -> kernel::error::Result {
    vma.anon_vma_prepare(order) //~ E0277 "does not hold the mmap read lock alone"
}
