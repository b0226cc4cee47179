// SPDX-License-Identifier: GPL-2.0
//! A view made from a pointer is a promise that the locks are held, so it is `unsafe`.

#[cfg(misuse)]
use kernel::mm::vma::VmaWrite;
use kernel::mm::vma::{MmapRead, Vma};

fn upgrade(vma: &Vma<MmapRead>) {
    #[cfg(misuse)]
    let _vma: &Vma<VmaWrite> = Vma::from_raw(vma.as_raw()); //~ E0133 "call to unsafe function"
    #[cfg(not(misuse))]
    // SAFETY: `vma` is such a view.
    let _vma: &Vma<MmapRead> = unsafe { Vma::from_raw(vma.as_raw()) };
}
