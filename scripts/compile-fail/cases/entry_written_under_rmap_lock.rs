// SPDX-License-Identifier: GPL-2.0
//! Nor does it permit to write an entry that was found.

#[cfg(misuse)]
use kernel::mm::vma::Rmap as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::Read as Held;
use kernel::mm::vma::{page_table::Pte, Vma};

fn write(vma: &Vma<Held>, addr: usize, pte: Pte) -> bool {
    vma.with_pte(addr, |entry| {
        // SAFETY: This is only compiled.
        unsafe { entry.set(pte) } //~ E0277 "page table entries cannot be installed at lock level `Rmap`"
    })
    .is_ok()
}
