// SPDX-License-Identifier: GPL-2.0
//! A write to a page that is mapped already is permitted or not: there is no other page to give.

use kernel::mm::vma::driver::{MkWrite, MkWriteOutcome, Plain, SharedPage, VmaOperations};

fn page_mkwrite<'a, T>(fault: MkWrite<'a, T>, _page: &SharedPage) -> MkWriteOutcome<'a>
where
    T: VmaOperations<PageKind = Plain>,
{
    #[cfg(misuse)]
    return fault.page(_page); //~ E0599 "no method named `page` found for struct `MkWrite<'a, T>`"
    #[cfg(not(misuse))]
    return fault.allow();
}
