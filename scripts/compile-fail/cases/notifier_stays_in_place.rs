// SPDX-License-Identifier: GPL-2.0
//! A notifier is in a tree of the address space, and is not moved.

include!("support/module.rs");

use core::ops::Range;
use kernel::mm::vma::notifier::{IntervalNotifier, Mirror};
use kernel::prelude::*;

struct Known;

#[vtable]
impl Mirror for Known {
    fn invalidate(&mut self, _range: Range<usize>) {}
}

fn range(notifier: Pin<&mut IntervalNotifier<Known>>) -> Range<usize> {
    #[cfg(misuse)]
    let notifier = notifier.get_mut(); //~ E0277 "cannot be unpinned"
    notifier.range()
}
