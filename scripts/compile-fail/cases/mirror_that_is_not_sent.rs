// SPDX-License-Identifier: GPL-2.0
//! The callback of a notifier runs in any task.

include!("support/module.rs");

use core::ops::Range;
use kernel::mm::vma::notifier::Mirror;
use kernel::prelude::*;

#[cfg(misuse)]
struct Known(*mut u8);
#[cfg(not(misuse))]
struct Known(usize);

#[vtable]
impl Mirror for Known { //~ E0277 "cannot be sent between threads safely"
    fn invalidate(&mut self, _range: Range<usize>) {
        let _ = self.0;
    }
}
