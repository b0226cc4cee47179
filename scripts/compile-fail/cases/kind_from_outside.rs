// SPDX-License-Identifier: GPL-2.0
//! The set of kinds is closed: a VMA has at most one of `VM_MIXEDMAP` and `VM_PFNMAP`.

use kernel::mm::vma::{
    driver::{PageKind, VmaSetup},
    VmaFlags,
};

#[cfg(misuse)]
enum Both {}

#[cfg(misuse)]
impl PageKind for Both {
    //~^ E0277 "`PageKind` is a \"sealed trait\""
    const FLAGS: VmaFlags = VmaFlags::EMPTY;
}

fn flags<K: PageKind>(_: &VmaSetup<'_, K>) -> VmaFlags {
    K::FLAGS
}
