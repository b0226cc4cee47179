// SPDX-License-Identifier: GPL-2.0

#![cfg(not(CONFIG_UML))]

//! Frames that a test may map with any memory type, and what an entry says of that.
//!
//! On x86 they are no memory at all: addresses that nothing answers to, beyond all that the machine
//! has. Nothing else in the kernel gives them a type. On arm64, which reports an access to such,
//! they are pages that nobody else maps, and that are never freed.

#[cfg(CONFIG_ARM64)]
use crate::{
    mm::vma::driver::Frames,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};
use crate::{
    mm::vma::page_table::Pmd,
    page::PAGE_SIZE,
    prelude::*, //
};

/// There are this many, of huge pages.
pub(super) const COUNT: usize = 2 * Pmd::SIZE / PAGE_SIZE;

/// Returns the first one.
#[cfg(not(CONFIG_ARM64))]
pub(super) fn first() -> Result<usize> {
    Ok((200 << 30) / PAGE_SIZE)
}

/// Returns the first one.
#[cfg(CONFIG_ARM64)]
pub(super) fn first() -> Result<usize> {
    static FIRST: Atomic<usize> = Atomic::new(0);

    if FIRST.load(Relaxed) == 0 {
        let frames = Frames::alloc(COUNT, GFP_KERNEL)?;
        FIRST.store(frames.pfn(0).ok_or(EINVAL)?, Relaxed);
        core::mem::forget(frames);
    }
    Ok(FIRST.load(Relaxed))
}

/// The bits of an entry, or of a protection, that say how memory is cached.
#[cfg(not(CONFIG_ARM64))]
pub(super) fn type_of(bits: u64) -> u64 {
    use crate::bindings;

    bits & (1 << bindings::_PAGE_BIT_PWT | 1 << bindings::_PAGE_BIT_PCD)
}

/// The bits of an entry, or of a protection, that say how memory is cached.
#[cfg(CONFIG_ARM64)]
pub(super) fn type_of(bits: u64) -> u64 {
    // C: `PTE_ATTRINDX_MASK`.
    bits & 7 << 2
}

/// The same for an entry that maps one page.
pub(super) fn type_of_page(bits: u64) -> u64 {
    #[cfg(not(CONFIG_ARM64))]
    let more = bits & 1 << crate::bindings::_PAGE_BIT_PAT;
    #[cfg(CONFIG_ARM64)]
    let more = 0;
    type_of(bits) | more
}
