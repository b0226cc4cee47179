// SPDX-License-Identifier: GPL-2.0
//! The state is lent under its lock, and stays there.

include!("support/module.rs");

use core::ops::Range;
use kernel::mm::vma::notifier::{Attempt, IntervalNotifier, Mirror, Retry};
use kernel::prelude::*;

struct Known(usize);

#[vtable]
impl Mirror for Known {
    fn invalidate(&mut self, _range: Range<usize>) {
        self.0 = 0;
    }
}

fn keep(attempt: Attempt<'_, Known>) -> Result<(), Retry> {
    #[cfg(misuse)]
    let known = attempt.commit(|known| known)?; //~ error "lifetime may not live long enough"
    #[cfg(not(misuse))]
    let known = attempt.commit(|known| known.0)?;
    let _ = known;
    Ok(())
}

fn outlive(notifier: Pin<KBox<IntervalNotifier<Known>>>) -> Result<(), Retry> {
    let attempt = notifier.read_begin();
    #[cfg(misuse)]
    drop(notifier); //~ E0505 "cannot move out of `notifier` because it is borrowed"
    attempt.commit(|known| known.0 = 1)
}
