// SPDX-License-Identifier: GPL-2.0
//! A level is not a token that could be made or kept: it only stands as a parameter.

#[cfg(not(misuse))]
use core::marker::PhantomData;
use kernel::mm::vma::VmaWrite;

#[cfg(misuse)]
fn forge() -> VmaWrite {
    VmaWrite {} //~ E0574 "expected struct, variant or union type, found enum"
}
#[cfg(not(misuse))]
fn forge() -> PhantomData<VmaWrite> {
    PhantomData
}
