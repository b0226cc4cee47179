// SPDX-License-Identifier: GPL-2.0
//! Page tables are not allocated while the reverse mappings of the VMA are write-locked: reclaim
//! takes these locks.

#[cfg(misuse)]
use kernel::mm::vma::RmapWrite as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::VmaWrite as Held;
use kernel::mm::vma::{LockOrder, Vma};

fn make_table(vma: &Vma<Held>, addr: usize) -> bool {
    vma.with_pte_alloc(&mut LockOrder::new(), addr, |_| ()).is_ok() //~ E0277 "page table entries cannot be installed at lock level `RmapWrite`"
}
