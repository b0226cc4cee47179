// SPDX-License-Identifier: GPL-2.0
//! The slots have an SRCU structure with them, which is not moved.

use core::pin::Pin;
use kernel::mm::vma::driver::FrameSlots;

fn count(slots: Pin<&mut FrameSlots<()>>) -> usize {
    #[cfg(misuse)]
    let slots = slots.get_mut(); //~ E0277 "cannot be unpinned"
    slots.count()
}
