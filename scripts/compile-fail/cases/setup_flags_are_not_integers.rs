// SPDX-License-Identifier: GPL-2.0
//! A word of flags cannot be smuggled into a setup.

use kernel::mm::vma::driver::{SetupFlags, VmaSetup};

fn mmap(vma: &mut VmaSetup<'_>) {
    #[cfg(misuse)]
    vma.set_flags(0x0040_0000); //~ E0308 "expected `SetupFlags`, found integer"
    #[cfg(misuse)]
    vma.set_flags(SetupFlags(0x0040_0000)); //~ E0423 "cannot initialize a tuple struct which contains private fields"
    #[cfg(not(misuse))]
    vma.set_flags(SetupFlags::DONTCOPY);
}
