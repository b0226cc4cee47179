// SPDX-License-Identifier: GPL-2.0
//! A fault is answered by the call that it came to, also if another one is within reach.

use core::mem::swap;
use kernel::mm::vma::driver::{Fault, MapPages, VmaOperations};

fn faults<'a, 'b, T: VmaOperations>(
    #[cfg(misuse)] mine: &mut Fault<'a, T>,
    #[cfg(not(misuse))] mine: &mut Fault<'b, T>,
    other: &mut Fault<'b, T>,
    _: &'a (),
) {
    swap(mine, other); //~ error "lifetime may not live long enough"
}

fn pages<'a, 'b, T: VmaOperations>(
    #[cfg(misuse)] mine: &mut MapPages<'a, T>,
    #[cfg(not(misuse))] mine: &mut MapPages<'b, T>,
    other: &mut MapPages<'b, T>,
    _: &'a (),
) {
    swap(mine, other); //~ error "lifetime may not live long enough"
}

fn operations<'a, T: VmaOperations, O: VmaOperations>(
    mine: &mut Fault<'a, T>,
    #[cfg(misuse)] other: &mut Fault<'a, O>,
    #[cfg(not(misuse))] other: &mut Fault<'a, T>,
    _: O,
) {
    swap(mine, other); //~ E0308 "expected `&mut Fault<'_, T>`, found `&mut Fault<'_, O>`"
}
