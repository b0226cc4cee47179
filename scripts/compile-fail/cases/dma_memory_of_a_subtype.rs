// SPDX-License-Identifier: GPL-2.0
//! Coherent DMA memory is in a cell, from which the device takes it when it is unbound. So it has
//! one type.

use kernel::mm::vma::driver::DmaMemory;

type General = for<'a> fn(&'a u8);
#[cfg(misuse)]
type Special = fn(&'static u8);
#[cfg(not(misuse))]
type Special = General;

fn memory(memory: &DmaMemory<General>) -> &DmaMemory<Special> {
    memory //~ E0308 "mismatched types"
}
