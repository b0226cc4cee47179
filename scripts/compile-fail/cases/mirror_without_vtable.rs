// SPDX-License-Identifier: GPL-2.0
//! The state of a notifier names the module that has its callback.

include!("support/module.rs");

use core::ops::Range;
use kernel::mm::vma::notifier::Mirror;

struct Known(usize);

#[cfg_attr(not(misuse), kernel::macros::vtable)]
impl Mirror for Known { //~ E0046 "missing: `USE_VTABLE_ATTR`, `OwnerModule`"
    fn invalidate(&mut self, _range: Range<usize>) {
        self.0 = 0;
    }
}
