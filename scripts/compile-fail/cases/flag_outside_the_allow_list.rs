// SPDX-License-Identifier: GPL-2.0
//! Access rights and the kernel's own flags cannot be changed on a live VMA.

#[cfg(not(misuse))]
use kernel::mm::vma::AdviceFlags as Flags;
#[cfg(misuse)]
use kernel::mm::vma::VmaFlag as Flags;
use kernel::mm::vma::{Vma, VmaWrite};

fn change(vma: &Vma<VmaWrite>) {
    vma.set_flags(Flags::DONTDUMP); //~ E0308 "expected `AdviceFlags`, found `VmaFlag`"
    let _ = vma.clear_flags(Flags::DONTDUMP); //~ E0308 "expected `AdviceFlags`, found `VmaFlag`"
}
