// SPDX-License-Identifier: GPL-2.0
//! A VMA read lock does not keep other VMAs of the range from changing, and faults may need the
//! mmap lock.

use core::ops::Range;
use kernel::mm::vma::pin::{PinFor, PinnedPages, Writable};
#[cfg(not(misuse))]
type Guard<'a> = kernel::mm::vma::MmapGuard<'a, kernel::mm::vma::MmapRead>;
#[cfg(misuse)]
use kernel::mm::vma::VmaGuard as Guard;
use kernel::prelude::*;

fn pin(guard: &mut Guard<'_>, memory: Range<usize>) -> Result<PinnedPages<Writable>> {
    guard.pin_user_pages(memory, PinFor::Short) //~ E0277 "user pages are pinned under the mmap read lock, which is not held here"
}
