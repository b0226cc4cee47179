// SPDX-License-Identifier: GPL-2.0
//! A driver that wants to find a VMA again keeps its address, not a view of it.

use kernel::mm::vma::{MmapGuard, MmapRead};
#[cfg(misuse)]
use kernel::mm::vma::Vma;

struct Driver {
    #[cfg(misuse)]
    vma: Option<&'static Vma<MmapRead>>,
    #[cfg(not(misuse))]
    vma: Option<usize>,
}

fn remember(driver: &mut Driver, mmap: MmapGuard<'_, MmapRead>, addr: usize) {
    let vma = mmap.lookup(addr); //~ E0597 "`mmap` does not live long enough"
    #[cfg(not(misuse))]
    let vma = vma.map(|vma| vma.start());
    driver.vma = vma; //~ error "must outlive `'static`"
}
