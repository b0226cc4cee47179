// SPDX-License-Identifier: GPL-2.0
//! The extent of a VMA is written with its reverse mappings locked, too: stack expansion under less
//! was CVE-2023-3269.

use kernel::mm::vma::{Vma, VmaWrite};

fn grow_down(vma: &Vma<VmaWrite>, start: usize) {
    #[cfg(misuse)]
    let all = vma;
    #[cfg(not(misuse))]
    let all = vma.lock_rmap();
    // SAFETY: This is only compiled.
    unsafe { all.set_start(start) }; //~ E0277 "needs the mmap, VMA and rmap write locks"
}
