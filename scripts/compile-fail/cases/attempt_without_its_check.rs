// SPDX-License-Identifier: GPL-2.0
//! A look at the memory ends with the check whether it was invalidated.
#![deny(unused_must_use)]

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
    #[cfg(misuse)]
    notifier.read_begin(); //~ unused_must_use "what was looked up is valid only if it is committed"
    let attempt = notifier.read_begin();
    #[cfg(misuse)]
    attempt.commit(|known| known.0 = 1); //~ unused_must_use "that must be used"
    #[cfg(not(misuse))]
    attempt.commit(|known| known.0 = 1)?;
    Ok(())
}
