// SPDX-License-Identifier: GPL-2.0
//! User space sees and changes all of a page that is mapped. So a page of the allocator is none to be
//! mapped, which has in it what was there before, and which the driver may have as plain memory.

use kernel::mm::vma::driver::{
    DriverVma, Fault, FaultOutcome, MapPages, MixedMap, VmaOperations, VmaSetup,
};
use kernel::mm::vma::{LockOrder, Read};
use kernel::prelude::*;

#[cfg(not(misuse))]
use kernel::mm::vma::driver::SharedPage as Mapped;
#[cfg(misuse)]
use kernel::page::Page as Mapped;

fn insert<T>(vma: &DriverVma<T, Read>, page: &Mapped) -> Result
where
    T: VmaOperations<PageKind = MixedMap>,
{
    vma.insert_page(&mut LockOrder::new(), vma.start(), page)?; //~ E0308 "expected `&SharedPage`, found `&Page`"
    vma.insert_pages(&mut LockOrder::new(), vma.start(), &[page]).1 //~ E0308 "expected `&SharedPage`, found `&Page`"
}

fn fault<'a, T>(fault: Fault<'a, T>, page: &Mapped) -> FaultOutcome<'a>
where
    T: VmaOperations<PageKind = MixedMap>,
{
    if fault.flags().is_write() {
        fault.page(page) //~ E0308 "expected `&SharedPage`, found `&Page`"
    } else {
        fault.insert_page(page) //~ E0308 "expected `&SharedPage`, found `&Page`"
    }
}

fn map_pages<T>(around: &mut MapPages<'_, T>, page: &Mapped) -> bool
where
    T: VmaOperations<PageKind = MixedMap>,
{
    around.map(0, page) //~ E0308 "expected `&SharedPage`, found `&Page`"
}

fn mmap(vma: VmaSetup<'_>, page: &Mapped) -> Result {
    let mut vma = vma.mixedmap();
    let start = vma.start();
    vma.insert_page(start, page) //~ E0308 "expected `&SharedPage`, found `&Page`"
}
