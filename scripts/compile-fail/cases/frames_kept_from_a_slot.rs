// SPDX-License-Identifier: GPL-2.0
//! The frames of a slot are lent for the call: they are freed when the slot is given others.

use kernel::mm::vma::driver::{FrameSlots, Frames};

#[cfg(not(misuse))]
fn first(slots: &FrameSlots<()>) -> Option<usize> {
    slots.with(0, |frames: Option<&Frames>| frames.map(Frames::count))
}

#[cfg(misuse)]
fn first(slots: &FrameSlots<()>) -> Option<usize> {
    let frames = slots.with(0, |frames: Option<&Frames>| frames); //~ error "lifetime may not live long enough"
    frames.map(Frames::count)
}
