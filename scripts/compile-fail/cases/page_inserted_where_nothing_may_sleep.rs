// SPDX-License-Identifier: GPL-2.0
//! `map_pages` runs inside of RCU. An insertion may allocate a page table, and sleep for it, so there
//! is none: pages are mapped into the table that is there.

use kernel::mm::vma::driver::{MapPages, MixedMap, SharedPage, VmaOperations};

fn map_pages<T>(around: &mut MapPages<'_, T>, page: &SharedPage) -> bool
where
    T: VmaOperations<PageKind = MixedMap>,
{
    let first = around.pgoffs().start;
    #[cfg(misuse)]
    return around.vma().insert_page(first, page).is_ok(); //~ E0599 "no method named `vma` found"
    #[cfg(not(misuse))]
    return around.map(first, page);
}
