// SPDX-License-Identifier: GPL-2.0

#![cfg(not(CONFIG_UML))]

//! Frames that a test may map with any memory type, and what an entry says of that.
//!
//! On x86 they are no memory at all: addresses that nothing answers to, beyond all that the machine
//! has. Nothing else in the kernel gives them a type. Other machines report an access to such, so
//! they are pages there, that nobody else maps and that are never freed.

use crate::{
    bindings,
    mm::vma::page_table::{
        Pmd,
        Pte, //
    },
    page::PAGE_SIZE,
    prelude::*, //
};
#[cfg(not(CONFIG_X86))]
use crate::{
    mm::vma::driver::Frames,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// There are this many, of huge pages.
pub(super) const COUNT: usize = 2 * Pmd::SIZE / PAGE_SIZE;

/// Returns the first one.
#[cfg(CONFIG_X86)]
pub(super) fn first() -> Result<usize> {
    Ok((200 << 30) / PAGE_SIZE)
}

/// Returns the first one.
#[cfg(not(CONFIG_X86))]
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
#[cfg(CONFIG_X86)]
const TYPE: u64 = 1 << bindings::_PAGE_BIT_PWT | 1 << bindings::_PAGE_BIT_PCD;
/// C: `PTE_ATTRINDX_MASK`.
#[cfg(CONFIG_ARM64)]
const TYPE: u64 = 7 << 2;
/// C: `L_PTE_MT_MASK`.
#[cfg(CONFIG_ARM)]
const TYPE: u64 = 15 << 2;
/// C: `_PAGE_MTMASK_SVPBMT`.
#[cfg(CONFIG_RISCV)]
const TYPE: u64 = 3 << 61;

/// There is one more for an entry that maps one page.
#[cfg(CONFIG_X86)]
const TYPE_OF_PAGE: u64 = TYPE | 1 << bindings::_PAGE_BIT_PAT;
#[cfg(all(not(CONFIG_X86), CONFIG_HAVE_IOREMAP_PROT))]
const TYPE_OF_PAGE: u64 = TYPE;

pub(super) fn pte_bits(pte: Pte) -> u64 {
    // SAFETY: This computes a value.
    unsafe { bindings::vma_kunit_pte_val(pte.into_raw()) }
}

pub(super) fn type_of(bits: u64) -> u64 {
    bits & TYPE
}

#[cfg(CONFIG_HAVE_IOREMAP_PROT)]
pub(super) fn type_of_page(bits: u64) -> u64 {
    bits & TYPE_OF_PAGE
}
