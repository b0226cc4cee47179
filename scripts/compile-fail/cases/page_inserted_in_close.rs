// SPDX-License-Identifier: GPL-2.0
//! In `close` the VMA's pages are unmapped and its page tables may be freed: what is inserted then
//! stays.

use kernel::mm::vma::driver::{DriverVma, MixedMap, PfnBacked, SharedPage, VmaOperations};
#[cfg(misuse)]
use kernel::mm::vma::Closing as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::Read as Held;
use kernel::mm::vma::LockOrder;
use kernel::prelude::*;

fn page<T>(vma: &DriverVma<T, Held>, page: &SharedPage) -> Result
where
    T: VmaOperations<PageKind = MixedMap>,
{
    vma.insert_page(&mut LockOrder::new(), vma.start(), page) //~ E0277 "page table entries cannot be installed at lock level `Closing`"
}

fn pages<T>(vma: &DriverVma<T, Held>, pages: &[&SharedPage]) -> Result
where
    T: VmaOperations<PageKind = MixedMap>,
{
    vma.insert_pages(&mut LockOrder::new(), vma.start(), pages).1 //~ E0277 "cannot be installed at lock level `Closing`"
}

fn frame<T>(vma: &DriverVma<T, Held>) -> Result
where
    T: VmaOperations<PageKind = MixedMap>,
    T::Data: PfnBacked,
{
    vma.insert_pfn(&mut LockOrder::new(), vma.start(), 0) //~ E0277 "cannot be installed at lock level `Closing`"
}
