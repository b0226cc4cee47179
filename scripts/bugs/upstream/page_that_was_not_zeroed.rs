// SPDX-License-Identifier: GPL-2.0
//! A page is mapped that has in it what the allocator's last user left.

use kernel::mm::virt::VmaMixedMap;
use kernel::page::Page;
use kernel::prelude::*;

fn insert(vma: &VmaMixedMap) -> Result<Page> {
    let page = Page::alloc_page(GFP_KERNEL)?;
    vma.vm_insert_page(vma.start(), &page)?;
    Ok(page)
}
