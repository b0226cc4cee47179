// SPDX-License-Identifier: GPL-2.0
//! State that depends on memory is changed only if the memory was not invalidated meanwhile.

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

fn update(notifier: &IntervalNotifier<Known>, frame: usize) -> Result<(), Retry> {
    let attempt = notifier.read_begin();
    #[cfg(misuse)]
    notifier.with_state(|known| known.0 = frame); //~ E0594 "cannot assign to `known.0`, which is behind a `&` reference"
    attempt.commit(|known| known.0 = frame)
}
