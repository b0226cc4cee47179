// SPDX-License-Identifier: GPL-2.0
//! A locked page table entry cannot be taken out of the closure.

use kernel::mm::vma::{MmapRead, Vma};

fn keep(vma: &Vma<MmapRead>, addr: usize) -> bool {
    #[cfg(misuse)]
    let entry = vma.with_pte(addr, |entry| entry); //~ error "lifetime may not live long enough"
    #[cfg(not(misuse))]
    let entry = vma.with_pte(addr, |entry| entry.get());
    entry.is_ok()
}
