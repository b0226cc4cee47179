// SPDX-License-Identifier: GPL-2.0
//! The memory types of all pieces decide what a VMA's protection is, so none is added afterwards.

use kernel::mm::vma::driver::{Frames, PfnPieces, Pieces};
use kernel::prelude::*;

fn add(pieces: &mut Pieces) -> Result {
    pieces.push(Frames::alloc(1, GFP_KERNEL)?, GFP_KERNEL)
}

#[cfg(misuse)]
fn add_to(mapped: &mut PfnPieces<()>) -> Result {
    add(mapped.pieces()) //~ E0308 "mismatched types"
}

fn count(mapped: &PfnPieces<()>) -> usize {
    mapped.pieces().count()
}
