// SPDX-License-Identifier: GPL-2.0
//! A gate has an SRCU structure in it, and a notifier that C calls, which are not moved.

use core::pin::Pin;
use kernel::mm::vma::driver::BoundGate;

fn is_open(gate: Pin<&mut BoundGate>) -> bool {
    #[cfg(misuse)]
    let gate = gate.get_mut(); //~ E0277 "cannot be unpinned"
    gate.enter().is_some()
}
