// SPDX-License-Identifier: GPL-2.0
//! A page table cannot be moved or replaced: all locks of a VMA are not enough for it. The entry
//! above a table is a value, and where it stands is not given out. 366a4532d96f changed one that
//! readers of the VMA could still walk.

use kernel::mm::vma::{page_table::Pmd, RmapWrite, Vma};

fn relocate(vma: &Vma<RmapWrite>, from: usize, to: usize, other: Pmd) -> bool {
    #[cfg(misuse)]
    vma.move_pte_table(from, vma, to); //~ E0599 "no method named `move_pte_table` found"
    #[cfg(misuse)]
    let _ = vma.with_pmd(from, |pmd| *pmd = other); //~ E0614 "type `Pmd` cannot be dereferenced"
    #[cfg(not(misuse))]
    let _ = other.is_table();
    vma.with_pmd(from, |pmd| pmd.is_table()).is_ok() && from != to
}
