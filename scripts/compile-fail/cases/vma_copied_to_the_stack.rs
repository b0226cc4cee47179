// SPDX-License-Identifier: GPL-2.0
//! A VMA is not copied. The litex_m2sdr driver (pull request 136) changed a copy on the stack, and
//! had DMA memory mapped by it.

use kernel::mm::vma::{
    driver::{Plain, VmaSetup},
    MmapRead, Vma,
};

fn extent_of_a_copy(vma: &Vma<MmapRead>) -> usize {
    #[cfg(misuse)]
    let vma = *vma; //~ E0507 "cannot move out of `*vma` which is behind a shared reference"
    vma.end() - vma.start()
}

fn copy_of_a_setup<'a>(vma: VmaSetup<'a, Plain>) -> VmaSetup<'a, Plain> {
    #[cfg(misuse)]
    drop(vma.clone()); //~ E0599 "no method named `clone` found for struct `VmaSetup<'a>`"
    vma
}
