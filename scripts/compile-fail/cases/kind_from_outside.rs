// SPDX-License-Identifier: GPL-2.0
//! The set of kinds is closed: a VMA has at most one of `VM_MIXEDMAP` and `VM_PFNMAP`.

use kernel::mm::vma::{
    driver::{Kind, VmaSetup},
    VmaFlags,
};

#[cfg(misuse)]
enum Both {}

#[cfg(misuse)]
impl Kind for Both {
    //~^ E0277 "`Kind` is a \"sealed trait\""
    const FLAGS: VmaFlags = VmaFlags::EMPTY;
}

fn flags<K: Kind>(_: &VmaSetup<'_, K>) -> VmaFlags {
    K::FLAGS
}
