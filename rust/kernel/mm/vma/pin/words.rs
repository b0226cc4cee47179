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
    bindings,
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

    /// Sets a bit of a word atomically, at an offset in bytes from the start of the memory (C:
    /// `set_bit()`).
    ///
    /// The other bits of the word keep what user space or a hypervisor writes to them meanwhile by
    /// atomic operations. It orders nothing else, as `set_bit()`.
    ///
    /// The word is an `unsigned long`, and `bit` its bit of the value `1 << bit`. So bits are
    /// numbered as in a bitmap of the kernel's: with little-endian words bit `bit` is in byte
    /// `bit / 8`, with big-endian words it is in byte `size_of::<usize>() - 1 - bit / 8`. For a
    /// bitmap of bytes, which has the former order everywhere, that is another bit on big-endian
    /// architectures. The log of vhost is one of words.
    ///
    /// # Examples
    ///
    /// The log of vhost has a bit for each page of a guest, and begins at any byte. The bit is set
    /// in the word that has the byte, which is in the same page.
    ///
    /// ```
    /// use kernel::{
    ///     mm::vma::{
    ///         pin::{PinFor, PinnedPages, Writable},
    ///         VmaLocks, //
    ///     },
    ///     prelude::*, //
    /// };
    ///
    /// const WORD: usize = size_of::<usize>();
    ///
    /// fn log_write(locks: &mut VmaLocks<'_>, log: usize, page: usize) -> Result {
    ///     let byte = log.checked_add(page / 8).ok_or(EFAULT)?;
    ///     let word = byte & !(WORD - 1);
    ///     let end = word.checked_add(WORD).ok_or(EFAULT)?;
    ///
    ///     let mut pin: PinnedPages<Writable> =
    ///         locks.pin_user_pages_fast(word..end, PinFor::Short)?;
    ///     pin.set_bit(0, (byte % WORD * 8 + page % 8) as u32)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// `EINVAL` if the word is out of bounds, or its address is not aligned to it, or it has no
    /// such bit.
    pub fn set_bit(&mut self, offset: usize, bit: u32) -> Result
    where
        A: PinWriteAccess,
    {
        if bit >= usize::BITS {
            return Err(EINVAL);
        }
        self.with_word::<usize, _>(offset, |word| {
            // SAFETY: As in `store()`; `set_bit()` is one atomic operation, and the bit is in the
            // word.
            unsafe { bindings::set_bit(bit as usize, word) }
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
