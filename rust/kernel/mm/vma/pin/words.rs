// SPDX-License-Identifier: GPL-2.0

//! Words of pinned memory that user space or a hypervisor accesses concurrently, such as the
//! indices of a ring.
//!
//! The offset is that in the memory, which may begin anywhere in a page. The address must be
//! aligned, and then the word is in one page.

use super::{
    PinAccess,
    PinWriteAccess,
    PinnedPages, //
};
use crate::{
    mm::vma::shared_memory::{
        checked,
        checked_word,
        with_mapped,
        SharedWord, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::ordering::{
        AcquireOrRelaxed,
        ReleaseOrRelaxed, //
    }, //
};

impl<A: PinAccess> PinnedPages<A> {
    /// Loads a word, at an offset in bytes from the start of the memory (C: `READ_ONCE()`,
    /// `smp_load_acquire()`).
    ///
    /// One access that does not tear and is not repeated, so a check holds for the value that is
    /// used. `order` is [`Relaxed`](crate::sync::atomic::Relaxed) or
    /// [`Acquire`](crate::sync::atomic::Acquire).
    ///
    /// # Errors
    ///
    /// `EINVAL` if the word is out of bounds, or its address is not aligned to it.
    #[doc(alias = "READ_ONCE")]
    #[doc(alias = "smp_load_acquire")]
    pub fn load<W: SharedWord>(&self, offset: usize, order: impl AcquireOrRelaxed) -> Result<W> {
        self.with_word::<W, _>(offset, |word| {
            // SAFETY: The word is mapped and aligned. The kernel accesses user memory by volatile
            // and atomic accesses only.
            unsafe { W::load_from(word, order) }
        })
    }

    /// Stores a word, at an offset in bytes from the start of the memory (C: `WRITE_ONCE()`,
    /// `smp_store_release()`).
    ///
    /// One access that does not tear. `order` is [`Relaxed`](crate::sync::atomic::Relaxed) or
    /// [`Release`](crate::sync::atomic::Release).
    ///
    /// # Errors
    ///
    /// `EINVAL` if the word is out of bounds, or its address is not aligned to it.
    #[doc(alias = "WRITE_ONCE")]
    #[doc(alias = "smp_store_release")]
    pub fn store<W: SharedWord>(
        &mut self,
        offset: usize,
        value: W,
        order: impl ReleaseOrRelaxed,
    ) -> Result
    where
        A: PinWriteAccess,
    {
        self.with_word::<W, _>(offset, |word| {
            // SAFETY: As in `load()`. The page was pinned to be written to.
            unsafe { value.store_to(word, order) }
        })
    }

    /// Calls `f` with the address of a word, which is mapped for as long, and aligned.
    fn with_word<W: SharedWord, R>(&self, offset: usize, f: impl FnOnce(*mut W) -> R) -> Result<R> {
        let at = self.offset + checked(offset, size_of::<W>(), self.len)?;
        let in_page = checked_word::<W>(at % PAGE_SIZE, PAGE_SIZE)?;
        let page = *self.pages.get(at / PAGE_SIZE).ok_or(EINVAL)?;

        // SAFETY: By the type invariants the page is pinned. The word is in it, and aligned, as
        // pages are.
        Ok(unsafe { with_mapped(page, |memory| f(memory.add(in_page).cast())) })
    }
}
