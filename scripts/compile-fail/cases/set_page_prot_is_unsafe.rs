// SPDX-License-Identifier: GPL-2.0
//! The locks do not make a page protection right for the pages of a VMA.

use kernel::mm::vma::{Vma, VmaWrite};

fn uncached(vma: &Vma<VmaWrite>) {
    let prot = vma.page_prot().noncached();
    #[cfg(misuse)]
    vma.set_page_prot(prot); //~ E0133 "call to unsafe function"
    #[cfg(not(misuse))]
    // SAFETY: This is only compiled.
    unsafe {
        vma.set_page_prot(prot)
    };
}
