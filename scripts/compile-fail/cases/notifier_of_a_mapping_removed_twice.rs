// SPDX-License-Identifier: GPL-2.0
//! A notifier is removed when its owner is dropped, once. In the xdna driver (issue 595) the
//! `close` of two VMAs of a buffer removed the same one.

include!("support/module.rs");

use core::ops::Range;
use kernel::mm::vma::notifier::{IntervalNotifier, Mirror};
use kernel::prelude::*;

struct Known;

#[vtable]
impl Mirror for Known {
    fn invalidate(&mut self, _range: Range<usize>) {}
}

fn remove(notifier: Pin<KBox<IntervalNotifier<Known>>>) {
    drop(notifier);
    #[cfg(misuse)]
    drop(notifier); //~ E0382 "use of moved value: `notifier`"
}
