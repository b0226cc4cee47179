// SPDX-License-Identifier: GPL-2.0
//! The pages of a vector hold what the kernel works on: user space would see and change pointers.

use kernel::mm::vma::driver::{DriverVma, MixedMap, SharedPage, VmaOperations};
use kernel::mm::vma::{LockOrder, Read};
#[cfg(misuse)]
use kernel::page::AsPageIter;
use kernel::prelude::*;

#[cfg(misuse)]
type Pages = VVec<KBox<u64>>;
#[cfg(not(misuse))]
type Pages = VVec<SharedPage>;

fn map<T>(vma: &DriverVma<T, Read>, pages: &mut Pages) -> Result
where
    T: VmaOperations<PageKind = MixedMap>,
{
    #[cfg(misuse)]
    let page = pages.page_iter().next();
    #[cfg(not(misuse))]
    let page = pages.first();
    let page = page.ok_or(EINVAL)?;
    vma.insert_page(&mut LockOrder::new(), vma.start(), &page) //~ E0308 "expected `&SharedPage`, found `&BorrowedPage<'_>`"
}
