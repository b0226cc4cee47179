// SPDX-License-Identifier: GPL-2.0
//! Coherent DMA memory that user space maps is there until its guard is dropped, and is accessed by
//! volatile accesses: that nobody else writes it is for unsafe code, and is never true.

use kernel::dma::Coherent;
use kernel::io::io_read;
use kernel::mm::vma::driver::DmaMemory;
use kernel::prelude::*;

#[cfg(misuse)]
fn contents(coherent: &Coherent<[u32]>) -> &[u32] {
    coherent.as_ref() //~ E0133 "call to unsafe function"
}
#[cfg(not(misuse))]
fn contents(coherent: &Coherent<[u32]>) -> Result<u32> {
    Ok(io_read!(coherent, [try: 0]))
}

#[cfg(misuse)]
fn kept(memory: &DmaMemory<[u32]>) -> Option<&Coherent<[u32]>> {
    let guard = memory.try_access()?;
    Some(&guard) //~ E0515 "cannot return value referencing local variable `guard`"
}
#[cfg(not(misuse))]
fn kept(memory: &DmaMemory<[u32]>) -> Option<u32> {
    let guard = memory.try_access()?;
    contents(&guard).ok()
}
