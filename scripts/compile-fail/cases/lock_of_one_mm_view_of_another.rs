// SPDX-License-Identifier: GPL-2.0
//! Lookup and lock are one call: the guard of one address space does not lock a VMA of another.

use kernel::mm::vma::{MmapGuard, MmapRead, Vma};

fn lock(one: MmapGuard<'_, MmapRead>, of_another: &Vma<MmapRead>) {
    #[cfg(misuse)]
    let vma = one.lock_vma(of_another); //~ E0308 "expected `usize`, found `&Vma<MmapRead>`"
    #[cfg(not(misuse))]
    let vma = one.lock_vma(of_another.start());
    drop(vma);
}
