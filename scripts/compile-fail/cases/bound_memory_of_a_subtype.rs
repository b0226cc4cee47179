// SPDX-License-Identifier: GPL-2.0
//! A slot that is written through a shared reference has one type: another one could be put in, and
//! taken out as the first.

use kernel::mm::vma::driver::BoundMemory;

type General = for<'a> fn(&'a u8);
#[cfg(misuse)]
type Special = fn(&'static u8);
#[cfg(not(misuse))]
type Special = General;

fn slot(slot: &BoundMemory<General>) -> &BoundMemory<Special> {
    slot //~ E0308 "mismatched types"
}
