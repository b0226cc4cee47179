// SPDX-License-Identifier: GPL-2.0
//! A page is inserted at an address that the driver remembers, whatever is mapped there by now.

use kernel::mm::MmWithUser;
use kernel::page::Page;
use kernel::prelude::*;

fn insert(mm: &MmWithUser, remembered: usize, page: &Page) -> Result {
    let mmap = mm.mmap_read_lock();
    let vma = mmap.vma_lookup(remembered).ok_or(ENXIO)?;
    let vma = vma.as_mixedmap_vma().ok_or(ENXIO)?;
    vma.vm_insert_page(remembered, page)
}
