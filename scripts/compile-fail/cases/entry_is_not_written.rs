// SPDX-License-Identifier: GPL-2.0
//! A locked page table entry can be read. To write it takes more than its lock.
//@never: "no method named"
//@never: "similar name"

use kernel::mm::vma::{page_table::Pte, Vma, VmaWrite};

fn replace(vma: &Vma<VmaWrite>, addr: usize, pte: Pte) -> Option<Pte> {
    vma.with_pte(addr, |entry| {
        #[cfg(misuse)]
        entry.set(pte); //~ E0277 "by functions that only mm/ has (C: `set_pte_at()`, `pte_clear()`, `ptep_get_and_clear()`)"
        #[cfg(misuse)]
        let old = entry.clear(); //~ E0277 "call `insert_page()`, `insert_pfn()` or `zap_pages()` on a `DriverVma`, or answer the `Fault`"
        #[cfg(not(misuse))]
        let old = if entry.get() == pte { pte } else { entry.get() };
        old
    })
    .ok()
}
