// SPDX-License-Identifier: GPL-2.0
//! A word of flags cannot be smuggled in: bits have no numbers here.

#[cfg(not(misuse))]
use kernel::mm::vma::AdviceFlags;
use kernel::mm::vma::{Vma, VmaWrite};

fn change(vma: &Vma<VmaWrite>) {
    #[cfg(misuse)]
    let flags = 0x0040_0000usize;
    #[cfg(not(misuse))]
    let flags = AdviceFlags::DONTDUMP;
    vma.set_flags(flags); //~ E0308 "expected `AdviceFlags`, found `usize`"
}
