// SPDX-License-Identifier: GPL-2.0
//! A fault is answered once: a page that was given to it would be forgotten with its reference.

use kernel::mm::vma::driver::{Fault, FaultOutcome, Plain, SharedPage, VmaOperations};

fn fault<'a, T>(fault: Fault<'a, T>, page: &SharedPage) -> FaultOutcome<'a>
where
    T: VmaOperations<PageKind = Plain>,
{
    let answer = fault.page(page);
    #[cfg(misuse)]
    let answer = fault.sigbus(); //~ E0382 "use of moved value: `fault`"
    answer
}
