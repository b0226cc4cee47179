// SPDX-License-Identifier: GPL-2.0
//! A driver has a say in a few flags of its VMA. HUGETLB would make the kernel take it for one of
//! hugetlbfs, PFNMAP and MIXEDMAP are its kind, and MAYWRITE would let `mprotect()` give what the
//! file does not permit.

#[cfg(not(misuse))]
use kernel::mm::vma::driver::SetupFlags as Flags;
use kernel::mm::vma::driver::{VmaDesc, VmaSetup};
#[cfg(misuse)]
use kernel::mm::vma::VmaFlag as Flags;

#[cfg(misuse)]
const ANY: [Flags; 4] = [
    Flags::HUGETLB,
    Flags::PFNMAP,
    Flags::MIXEDMAP,
    Flags::MAYWRITE,
];
#[cfg(not(misuse))]
const ANY: [Flags; 4] = [
    Flags::IO,
    Flags::DONTEXPAND,
    Flags::DONTCOPY,
    Flags::DONTDUMP,
];

fn mmap(vma: &mut VmaSetup<'_>) {
    for flag in ANY {
        vma.set_flags(flag); //~ E0308 "expected `SetupFlags`, found `VmaFlag`"
    }
}

fn mmap_prepare(desc: &mut VmaDesc<'_>) {
    for flag in ANY {
        desc.set_flags(flag); //~ E0308 "expected `SetupFlags`, found `VmaFlag`"
    }
}
