// SPDX-License-Identifier: GPL-2.0
//! A driver whose VMA is of the wrong kind is told so, and not to call a method that inserts into any
//! VMA.
//@never: "fully-qualified path"
//@never: "inherent method"
//@never: "not known whose VMA"

#[cfg(not(misuse))]
use kernel::mm::vma::driver::MixedMap as Pages;
#[cfg(misuse)]
use kernel::mm::vma::driver::Plain as Pages;
use kernel::{
    mm::vma::{
        driver::{DriverVma, SharedPage, VmaOperations},
        LockOrder, Read,
    },
    prelude::*,
};

fn page<T: VmaOperations<PageKind = Pages>>(vma: &DriverVma<T, Read>, page: &SharedPage) -> Result {
    vma.insert_page(&mut LockOrder::new(), vma.start(), page) //~ E0277 "pages cannot be inserted into a VMA of the kind `Plain`"
}

fn pages<T: VmaOperations<PageKind = Pages>>(vma: &DriverVma<T, Read>, pages: &[&SharedPage]) -> Result {
    vma.insert_pages(&mut LockOrder::new(), vma.start(), pages).1 //~ E0277 "call `mixedmap()` in the mmap hook"
}
