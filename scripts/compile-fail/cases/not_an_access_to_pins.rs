// SPDX-License-Identifier: GPL-2.0
//! Pages are pinned to be read or to be written.

use kernel::mm::vma::pin::PinnedPages;
#[cfg(not(misuse))]
use kernel::mm::vma::pin::Writable as How;
#[cfg(misuse)]
use kernel::mm::vma::VmaFlag as How;

fn unpin(_: PinnedPages<How>) {} //~ E0277 "the accesses are `ReadOnly` and `Writable`"
