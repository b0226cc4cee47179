// SPDX-License-Identifier: GPL-2.0
//! A `VM_PFNMAP` VMA has no counted pages: `vm_insert_page()` would end in `BUG_ON()`.

#[cfg(not(misuse))]
use kernel::mm::vma::driver::MixedMap as Pages;
#[cfg(misuse)]
use kernel::mm::vma::driver::PfnMap as Pages;
use kernel::mm::vma::{
    driver::{DriverVma, SharedPage, VmaOperations},
    VmaRead,
};
use kernel::mm::vma::LockOrder;
use kernel::prelude::*;

fn insert<T>(vma: &DriverVma<T, VmaRead>, addr: usize, page: &SharedPage) -> Result
where
    T: VmaOperations<PageKind = Pages>,
{
    vma.insert_page(&mut LockOrder::new(), addr, page) //~ E0277 "pages cannot be inserted into a VMA of the kind `PfnMap`"
}
