// SPDX-License-Identifier: GPL-2.0
//! The page protection is written under both write locks.

#[cfg(misuse)]
use kernel::mm::vma::MmapWrite as Held;
use kernel::mm::vma::Vma;
#[cfg(not(misuse))]
use kernel::mm::vma::VmaWrite as Held;

fn uncached(vma: &Vma<Held>) {
    let prot = vma.page_prot().noncached();
    // SAFETY: Not a matter of this case; the lock is missing whatever the value.
    unsafe { vma.set_page_prot(prot) }; //~ E0277 "needs the mmap write lock and the VMA write lock"
    vma.update_page_prot(); //~ E0277 "needs the mmap write lock and the VMA write lock"
}
