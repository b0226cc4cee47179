// SPDX-License-Identifier: GPL-2.0
//! Frames that are not allocated for a piece are mapped on the driver's word.

use kernel::mm::vma::driver::{Frames, MemoryType, Pieces};
use kernel::prelude::*;

fn add(pieces: &mut Pieces, pfn: usize) -> Result {
    #[cfg(misuse)]
    let frames = Frames::from_frames(pfn, 1, MemoryType::Cached); //~ E0133 "call to unsafe function"
    #[cfg(not(misuse))]
    // SAFETY: Is not given.
    let frames = unsafe { Frames::from_frames(pfn, 1, MemoryType::Cached) };
    pieces.push(frames, GFP_KERNEL)
}
