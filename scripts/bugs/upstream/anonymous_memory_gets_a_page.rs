// SPDX-License-Identifier: GPL-2.0
//! A page is inserted into a VMA that does not say that it has such pages.

use kernel::mm::virt::VmaRef;
use kernel::page::Page;
use kernel::prelude::*;

fn insert(vma: &VmaRef, page: &Page) -> Result {
    vma.vm_insert_page(vma.start(), page) //~ E0599 "no method named `vm_insert_page` found for reference `&VmaRef`"
}
