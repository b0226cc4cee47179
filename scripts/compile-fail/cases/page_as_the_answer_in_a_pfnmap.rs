// SPDX-License-Identifier: GPL-2.0
//! A fault in a `VM_PFNMAP` VMA is not answered with a counted page, nor are pages mapped around
//! it: nobody would count their mappings.

#[cfg(misuse)]
use kernel::mm::vma::driver::PfnMap as Pages;
#[cfg(not(misuse))]
use kernel::mm::vma::driver::Plain as Pages;
use kernel::mm::vma::driver::{Fault, FaultOutcome, MapPages, SharedPage, VmaOperations};

fn fault<'a, T>(fault: Fault<'a, T>, page: &SharedPage) -> FaultOutcome<'a>
where
    T: VmaOperations<PageKind = Pages>,
{
    fault.page(page) //~ E0277 "pages with a `struct page` cannot be mapped into a VMA of the kind `PfnMap`"
}

fn map_pages<T>(around: &mut MapPages<'_, T>, pgoff: usize, page: &SharedPage) -> bool
where
    T: VmaOperations<PageKind = Pages>,
{
    around.map(pgoff, page) //~ E0277 "a `PfnMap` VMA has page frames only"
}
