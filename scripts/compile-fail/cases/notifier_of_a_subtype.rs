// SPDX-License-Identifier: GPL-2.0
//! The state of a notifier is written through a shared reference, also by its attempts. So it has
//! one type.

use core::ops::Range;
use kernel::mm::vma::notifier::{Attempt, IntervalNotifier, Mirror};
use kernel::prelude::*;

include!("support/module.rs");

struct State<F>(F);

#[vtable]
impl<F: Send + Unpin + 'static> Mirror for State<F> {
    fn invalidate(&mut self, _range: Range<usize>) {
        let _ = &self.0;
    }
}

type General = for<'a> fn(&'a u8);
#[cfg(misuse)]
type Special = fn(&'static u8);
#[cfg(not(misuse))]
type Special = General;

fn notifier(one: &IntervalNotifier<State<General>>) -> &IntervalNotifier<State<Special>> {
    one //~ E0308 "mismatched types"
}

fn attempt<'a>(one: Attempt<'a, State<General>>) -> Attempt<'a, State<Special>> {
    one //~ E0308 "mismatched types"
}
