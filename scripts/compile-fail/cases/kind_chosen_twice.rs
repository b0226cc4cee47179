// SPDX-License-Identifier: GPL-2.0
//! A VMA has at most one of `VM_MIXEDMAP` and `VM_PFNMAP`, chosen once in the mmap hook.

use kernel::mm::vma::driver::{MixedMap, PfnMap, VmaDesc, VmaSetup};
use kernel::prelude::*;

fn mmap(vma: VmaSetup<'_>) -> Result<VmaSetup<'_, PfnMap>> {
    #[cfg(misuse)]
    let vma = vma.mixedmap();
    vma.pfnmap() //~ E0277 "the VMA has the kind `MixedMap` already"
}

fn mmap_after_pfnmap(vma: VmaSetup<'_>) -> Result<VmaSetup<'_, MixedMap>> {
    #[cfg(misuse)]
    let vma = vma.pfnmap()?;
    Ok(vma.mixedmap()) //~ E0277 "the VMA has the kind `PfnMap` already"
}

fn mmap_twice(vma: VmaSetup<'_>) -> VmaSetup<'_, MixedMap> {
    #[cfg(misuse)]
    let vma = vma.mixedmap();
    vma.mixedmap() //~ E0277 "the VMA has the kind `MixedMap` already"
}

fn mmap_prepare(desc: VmaDesc<'_>) -> Result<VmaDesc<'_, PfnMap>> {
    #[cfg(misuse)]
    let desc = desc.mixedmap();
    desc.pfnmap() //~ E0277 "the VMA has the kind `MixedMap` already"
}
