// SPDX-License-Identifier: GPL-2.0
//! A hook sets up the VMA of its own call, also if it got hold of another one's.

use core::mem::swap;
use kernel::mm::vma::driver::{Mapped, VmaDesc, VmaSetup};

fn setups<'a, 'b>(
    #[cfg(misuse)] mine: &mut VmaSetup<'a>,
    #[cfg(not(misuse))] mine: &mut VmaSetup<'b>,
    other: &mut VmaSetup<'b>,
    _: &'a (),
) {
    swap(mine, other); //~ error "lifetime may not live long enough"
}

fn descriptions<'a, 'b>(
    #[cfg(misuse)] mine: &mut VmaDesc<'a>,
    #[cfg(not(misuse))] mine: &mut VmaDesc<'b>,
    other: &mut VmaDesc<'b>,
    _: &'a (),
) {
    swap(mine, other); //~ error "lifetime may not live long enough"
}

fn ends<'a, 'b>(
    #[cfg(misuse)] mine: &mut Mapped<'a>,
    #[cfg(not(misuse))] mine: &mut Mapped<'b>,
    other: &mut Mapped<'b>,
    _: &'a (),
) {
    swap(mine, other); //~ error "lifetime may not live long enough"
}
