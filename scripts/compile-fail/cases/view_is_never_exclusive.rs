// SPDX-License-Identifier: GPL-2.0
//! Several views of one VMA can be there at once, so none is `&mut`.

use kernel::mm::vma::{Vma, VmaWrite};

#[cfg(misuse)]
fn exclusive(vma: &Vma<VmaWrite>) -> &mut Vma<VmaWrite> {
    vma.start_write() //~ E0308 "types differ in mutability"
}
#[cfg(not(misuse))]
fn shared(vma: &Vma<VmaWrite>) -> &Vma<VmaWrite> {
    vma.start_write()
}
