// SPDX-License-Identifier: GPL-2.0
//! A driver cannot make a type into private data that the VMAs of a fork would not count.

use kernel::mm::vma::driver::PrivateData;
#[cfg(misuse)]
use kernel::prelude::*;
use kernel::sync::Arc;

struct State;

#[cfg(misuse)]
impl PrivateData for KBox<State> { //~ E0117 "only traits defined in the current crate can be implemented"
    fn share(_: &State) -> Self {
        loop {}
    }
}

#[cfg(misuse)]
impl PrivateData for State {
    fn share(_: Self::Borrowed<'_>) -> Self { //~ E0277 "State: ForeignOwnable"
        State
    }
}

fn of_a_vma<D: PrivateData>() {}

fn data() {
    of_a_vma::<Arc<State>>();
}
