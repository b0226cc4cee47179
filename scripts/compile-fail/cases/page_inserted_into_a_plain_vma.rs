// SPDX-License-Identifier: GPL-2.0
//! Pages are inserted outside of faults only into a VMA that says so, by `VM_MIXEDMAP`: C would set
//! the flag under a read lock.

#[cfg(not(misuse))]
use kernel::mm::vma::driver::MixedMap as Pages;
#[cfg(misuse)]
use kernel::mm::vma::driver::Plain as Pages;
use kernel::mm::vma::{
    driver::{DriverVma, Fault, FaultOutcome, SharedPage, VmaOperations},
    Read,
};
use kernel::mm::vma::LockOrder;
use kernel::prelude::*;

fn one<T>(vma: &DriverVma<T, Read>, addr: usize, page: &SharedPage) -> Result
where
    T: VmaOperations<PageKind = Pages>,
{
    vma.insert_page(&mut LockOrder::new(), addr, page) //~ E0277 "pages cannot be inserted into a VMA of the kind `Plain`"
}

fn many<T>(vma: &DriverVma<T, Read>, addr: usize, pages: &[&SharedPage]) -> Result
where
    T: VmaOperations<PageKind = Pages>,
{
    vma.insert_pages(&mut LockOrder::new(), addr, pages).1 //~ E0277 "needs a VMA of the kind `MixedMap`"
}

fn fault<'a, T>(fault: Fault<'a, T>, page: &SharedPage) -> FaultOutcome<'a>
where
    T: VmaOperations<PageKind = Pages>,
{
    fault.insert_page(page) //~ E0277 "call `mixedmap()` in the mmap hook"
}
