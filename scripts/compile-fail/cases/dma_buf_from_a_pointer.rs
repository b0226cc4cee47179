// SPDX-License-Identifier: GPL-2.0
//@needs: CONFIG_DMA_SHARED_BUFFER
//! A DMA buffer has a reference of its own, and comes from a file descriptor or from the abstraction
//! that imports it: not from a pointer, whose buffer may have gone when it is mapped.

use core::ptr::NonNull;
use kernel::bindings;
use kernel::mm::vma::driver::DmaBuf;
use kernel::prelude::*;

#[cfg(not(misuse))]
fn import(_: NonNull<bindings::dma_buf>, fd: u32) -> Result<DmaBuf> {
    DmaBuf::get(fd)
}

#[cfg(misuse)]
fn import(buf: NonNull<bindings::dma_buf>, _: u32) -> Result<DmaBuf> {
    Ok(DmaBuf(buf)) //~ E0423 "cannot initialize a tuple struct which contains private fields"
}

#[cfg(misuse)]
fn import_unsafely(buf: NonNull<bindings::dma_buf>) -> DmaBuf {
    // SAFETY: There is none.
    unsafe { DmaBuf::from_raw(buf) } //~ E0624 "associated function `from_raw` is private"
}
