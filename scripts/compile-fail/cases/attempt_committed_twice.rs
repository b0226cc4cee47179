// SPDX-License-Identifier: GPL-2.0
//! Each look at the memory has a check of its own.

include!("support/module.rs");

use core::ops::Range;
use kernel::mm::vma::notifier::{IntervalNotifier, Mirror, Retry};
use kernel::prelude::*;

struct Known(usize);

#[vtable]
impl Mirror for Known {
    fn invalidate(&mut self, _range: Range<usize>) {
        self.0 = 0;
    }
}

fn update(notifier: &IntervalNotifier<Known>) -> Result<(), Retry> {
    let attempt = notifier.read_begin();
    #[cfg(misuse)]
    attempt.commit(|known| known.0 = 1)?;
    attempt.commit(|known| known.0 = 2) //~ E0382 "use of moved value: `attempt`"
}
