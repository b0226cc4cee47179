// SPDX-License-Identifier: GPL-2.0
//! A page table cannot be moved, replaced or freed: all locks of a VMA are not enough for it. The
//! entry above a table is a value, and where it stands is not given out. 366a4532d96f changed one
//! that readers of the VMA could still walk.
//@never: "no method named"
//@never: "similar name"

use kernel::mm::vma::{page_table::Pmd, RmapWrite, Vma};

fn relocate(vma: &Vma<RmapWrite>, from: usize, to: usize, other: Pmd) -> bool {
    #[cfg(misuse)]
    let _ = vma.move_pte_table(from, vma, to); //~ E0277 "takes the mmap, VMA and rmap write locks, which are not enough"
    #[cfg(misuse)]
    let _ = vma.move_page_tables(from, vma, to, Pmd::SIZE); //~ E0277 "only mm/ sees to that (C: `move_page_tables()`, `move_normal_pmd()`"
    #[cfg(misuse)]
    vma.free_pgtables(); //~ E0277 "a page table is neither moved, replaced nor freed"
    #[cfg(misuse)]
    let _ = vma.with_pmd(from, |pmd| {
        pmd.set(other); //~ E0277 "a page table is neither moved, replaced nor freed"
        pmd.clear() //~ E0277 "call `zap_pages()` on a `DriverVma`"
    });
    #[cfg(misuse)]
    let _ = vma.with_pmd(from, |pmd| *pmd = other); //~ E0614 "type `Pmd` cannot be dereferenced"
    #[cfg(not(misuse))]
    let _ = other.is_table();
    vma.with_pmd(from, |pmd| pmd.is_table()).is_ok() && from != to
}
