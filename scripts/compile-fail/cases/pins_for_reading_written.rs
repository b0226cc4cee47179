// SPDX-License-Identifier: GPL-2.0
//! Memory that was pinned for reading may be shared, with the page cache or after a fork: writing
//! to it would write to what is others'.

use kernel::mm::vma::pin::PinnedPages;
#[cfg(misuse)]
use kernel::mm::vma::pin::ReadOnly as How;
#[cfg(not(misuse))]
use kernel::mm::vma::pin::Writable as How;
use kernel::{prelude::*, sync::atomic::Relaxed};

fn fill(pages: &mut PinnedPages<How>) -> Result {
    pages.write(0, &[0; 8]) //~ E0277 "needs pages that were pinned as `Writable`"
}

fn store(pages: &mut PinnedPages<How>) -> Result {
    pages.store(0, 1u32, Relaxed) //~ E0277 "needs pages that were pinned as `Writable`"
}

fn set_bit(pages: &mut PinnedPages<How>) -> Result {
    pages.set_bit(0, 1) //~ E0277 "needs pages that were pinned as `Writable`"
}
