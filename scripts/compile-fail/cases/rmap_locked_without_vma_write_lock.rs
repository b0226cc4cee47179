// SPDX-License-Identifier: GPL-2.0
//! A VMA's reverse mappings are write-locked after the VMA itself.

use kernel::mm::vma::{MmapWrite, Vma};

fn hide(vma: &Vma<MmapWrite>) -> usize {
    #[cfg(misuse)]
    let all = vma.lock_rmap(); //~ E0277 "look the VMA up under `VmaLocks::write()`, then call `start_write()`"
    #[cfg(not(misuse))]
    let all = vma.start_write().lock_rmap();
    all.start()
}
