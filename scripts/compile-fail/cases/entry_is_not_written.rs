// SPDX-License-Identifier: GPL-2.0
//! A locked page table entry can be read. To write it takes more than its lock.

use kernel::mm::vma::{page_table::Pte, Vma, VmaWrite};

fn replace(vma: &Vma<VmaWrite>, addr: usize, pte: Pte) -> Option<Pte> {
    vma.with_pte(addr, |entry| {
        #[cfg(misuse)]
        entry.set(pte); //~ E0599 "no method named `set` found for reference `&PteSlot"
        #[cfg(misuse)]
        let old = entry.clear(); //~ E0599 "no method named `clear` found for reference `&PteSlot"
        #[cfg(not(misuse))]
        let old = if entry.get() == pte { pte } else { entry.get() };
        old
    })
    .ok()
}
