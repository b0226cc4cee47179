// SPDX-License-Identifier: GPL-2.0
//! Shared memory is loaded and stored by one access, of a word that is nothing but its bits.

use kernel::mm::vma::driver::SharedPage;
use kernel::prelude::*;
use kernel::sync::atomic::Relaxed;
#[cfg(misuse)]
use kernel::sync::atomic::{Acquire as StoreOrder, Release as LoadOrder};
#[cfg(not(misuse))]
use kernel::sync::atomic::{Acquire as LoadOrder, Release as StoreOrder};

#[cfg(misuse)]
type Word = u128;
#[cfg(not(misuse))]
type Word = u32;

#[cfg(misuse)]
type Flag = bool;
#[cfg(not(misuse))]
type Flag = usize;

fn word(page: &SharedPage) -> Result<Word> {
    page.load(0, Relaxed) //~ E0277 "`u128` is not accessed as one word of shared memory"
}

fn flag(page: &SharedPage) -> Result<Flag> {
    page.load(0, Relaxed) //~ E0277 "not a word that is loaded and stored by one access"
}

fn orders(page: &SharedPage) -> Result {
    let head: u32 = page.load(0, LoadOrder)?; //~ E0277 "Release"
    page.store(0, head, StoreOrder) //~ E0277 "Acquire"
}
