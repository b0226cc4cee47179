// SPDX-License-Identifier: GPL-2.0
//! A page is mapped in which the kernel has pointers of its own.

use kernel::mm::virt::VmaMixedMap;
use kernel::page::AsPageIter;
use kernel::prelude::*;

fn insert(vma: &VmaMixedMap, pointers: &mut VVec<KBox<u64>>) -> Result {
    let page = pointers.page_iter().next().ok_or(EINVAL)?;
    vma.vm_insert_page(vma.start(), &page)
}
