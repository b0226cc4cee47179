// SPDX-License-Identifier: GPL-2.0
//! In the mmap hook, too, pages are inserted only into a VMA that has `VM_MIXEDMAP`.

use kernel::mm::vma::driver::{SharedPage, VmaSetup};
use kernel::prelude::*;

fn mmap(vma: VmaSetup<'_>, page: &SharedPage) -> Result {
    #[cfg(misuse)]
    let mut vma = vma.pfnmap()?;
    #[cfg(not(misuse))]
    let mut vma = vma.mixedmap();
    let start = vma.start();
    vma.insert_page(start, page) //~ E0277 "pages cannot be inserted into a VMA of the kind `PfnMap`"
}

fn mmap_plain(vma: VmaSetup<'_>, page: &SharedPage) -> Result {
    #[cfg(misuse)]
    let mut vma = vma;
    #[cfg(not(misuse))]
    let mut vma = vma.mixedmap();
    let start = vma.start();
    vma.insert_page(start, page) //~ E0277 "pages cannot be inserted into a VMA of the kind `Plain`"
}
