// SPDX-License-Identifier: GPL-2.0
//! Code that takes pins of any access reads; code that writes says so.

#[cfg(misuse)]
use kernel::mm::vma::pin::PinAccess as Needed;
use kernel::mm::vma::pin::PinnedPages;
#[cfg(not(misuse))]
use kernel::mm::vma::pin::PinWriteAccess as Needed;
use kernel::prelude::*;

fn fill<A: Needed>(pages: &mut PinnedPages<A>) -> Result {
    pages.write(0, &[0; 8]) //~ E0277 "pages that were pinned as `A` cannot be written to"
}
