// SPDX-License-Identifier: GPL-2.0
//! A view found by the reverse mapping does not pass for one that is read-locked.

#[cfg(misuse)]
use kernel::mm::vma::Rmap as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::VmaRead as Held;
use kernel::mm::vma::{Read, Vma};

fn as_read(vma: &Vma<Held>) -> &Vma<Read> {
    vma.as_read() //~ E0277 "a view at lock level `Rmap` cannot be read as one at the level `Read`"
}
