// SPDX-License-Identifier: GPL-2.0

//! A page that the kernel and user space use concurrently.
//!
//! User space sees all of a page that is mapped, and changes it at any time. So a page with kernel
//! pointers must not be mapped, nor one with stale contents from the allocator, nor one to whose
//! contents Rust code has a reference. Pages that may be mapped are a type of their own.

use crate::{
    alloc::{
        AllocError,
        Flags, //
    },
    bindings,
    mm::vma::shared_memory::{
        checked,
        checked_word,
        copy_from_shared,
        copy_to_shared,
        init_from_shared,
        with_mapped,
        zero_shared,
        SharedWord, //
    },
    page::{
        Page,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::atomic::ordering::{
        AcquireOrRelaxed,
        ReleaseOrRelaxed, //
    },
    uaccess::UserSliceReader, //
};
use core::{
    mem::{
        ManuallyDrop,
        MaybeUninit, //
    },
    ptr::NonNull, //
};

/// A page of memory to be mapped into user space.
///
/// It starts zeroed, so that it leaks no kernel data. User space may write to it at any time once
/// it is mapped, so its contents are never borrowed. They are accessed by copies
/// ([`read()`](Self::read), [`write()`](Self::write)), which can return a mix of old and new data
/// under a concurrent write, and by words ([`load()`](Self::load), [`store()`](Self::store)), each
/// of which is one access that does not tear.
///
/// Dropping it drops the driver's reference. Mappings have references of their own.
///
/// # Invariants
///
/// The page is one page of the page allocator (order 0, neither of a slab nor of another type that
/// cannot be mapped), which this has a reference to. User space may see and change all of it. The
/// kernel accesses its contents only by volatile and atomic accesses.
///
/// The layout is that of a pointer to the page, so an array of these is one of `struct page *`.
///
/// # Examples
///
/// A ring buffer that user space empties: the data is written first, the index is released after
/// it. An index that user space wrote is loaded once, so it is still in bounds after the check.
///
/// ```
/// use kernel::{
///     mm::vma::driver::SharedPage,
///     page::PAGE_SIZE,
///     prelude::*,
///     sync::atomic::{Acquire, Relaxed, Release}, //
/// };
///
/// const HEAD: usize = 0;
/// const TAIL: usize = 64;
/// const DATA: usize = 128;
/// const SLOTS: u32 = ((PAGE_SIZE - DATA) / size_of::<u64>()) as u32;
///
/// fn push(ring: &SharedPage, event: [u8; 8]) -> Result {
///     let tail: u32 = ring.load(TAIL, Acquire)?;
///     let head: u32 = ring.load(HEAD, Relaxed)?;
///     if head >= SLOTS || tail >= SLOTS {
///         return Err(EPROTO);
///     }
///     let next = (head + 1) % SLOTS;
///     if next == tail {
///         return Err(ENOSPC);
///     }
///     ring.write(DATA + head as usize * size_of::<u64>(), &event)?;
///     ring.store(HEAD, next, Release)
/// }
///
/// let ring = SharedPage::new(GFP_KERNEL)?;
/// push(&ring, *b"an event")?;
/// assert_eq!(ring.load(HEAD, Relaxed), Ok(1u32));
/// # ring.store(TAIL, SLOTS, Relaxed)?;
/// # assert_eq!(push(&ring, [0; 8]), Err(EPROTO));
/// # Ok::<(), Error>(())
/// ```
#[repr(transparent)]
pub struct SharedPage(NonNull<bindings::page>);

// SAFETY: Pages belong to no task.
unsafe impl Send for SharedPage {}
// SAFETY: All that a reference permits is to map it, and to access it by volatile and atomic
// accesses.
unsafe impl Sync for SharedPage {}

impl SharedPage {
    /// Allocates a page, zeroed.
    ///
    /// Only `flags` for which [`alloc::flags`](crate::alloc::flags) has a constant are used.
    ///
    /// # Errors
    ///
    /// `AllocError` if there is no memory.
    #[inline]
    pub fn new(flags: Flags) -> Result<Self, AllocError> {
        // Any flag can be made by `!`, that which skips the zeroing (`__GFP_SKIP_ZERO`), too.
        let known = GFP_ATOMIC | GFP_KERNEL_ACCOUNT | GFP_NOWAIT | __GFP_HIGHMEM | __GFP_NOWARN;

        let page = Page::alloc_page((flags & known) | __GFP_ZERO)?;

        // SAFETY: The page was just allocated, by itself and zeroed, and nobody else has it.
        Ok(unsafe { Self::from_page(page) })
    }

    /// Converts a page that was allocated in another way into one that may be mapped.
    ///
    /// # Safety
    ///
    /// - The page must be one of order 0 of the page allocator, counted by itself. It must not be a
    ///   part of a larger allocation (`VVec`, `vmalloc()`, a slab, a compound page), not be
    ///   anonymous memory or of a file, and have no page type (C: `page_has_type()`).
    /// - All of it must be initialised, with nothing but what user space may see.
    /// - From now on until the last reference to the page is dropped, by its mappings too, there
    ///   must be no reference (`&`, `&mut`) to its contents, and nobody in the kernel may access
    ///   them except by volatile or atomic accesses: user space changes them at any time.
    /// - Whatever else accesses the page, a device for example, must tolerate what user space
    ///   writes to it.
    #[inline]
    pub unsafe fn from_page(page: Page) -> Self {
        let page = ManuallyDrop::new(page);

        // INVARIANT: Guaranteed by the caller. The reference that `Page` owns is moved here.
        // SAFETY: A page has an address.
        Self(unsafe { NonNull::new_unchecked(page.as_ptr()) })
    }

    /// Returns the C page.
    #[inline]
    pub(in crate::mm::vma) fn as_raw(&self) -> *mut bindings::page {
        self.0.as_ptr()
    }

    /// Returns the node of the page's memory (C: `page_to_nid()`).
    #[doc(alias = "page_to_nid")]
    #[inline]
    pub fn nid(&self) -> i32 {
        // SAFETY: By the type invariants the page is valid.
        unsafe { bindings::page_to_nid(self.as_raw()) }
    }

    /// Copies from the page, at an offset in bytes.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond its end.
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result {
        let at = checked(offset, to.len(), PAGE_SIZE)?;
        // SAFETY: The page is this one's, and the range was checked.
        unsafe { with_mapped(self.as_raw(), |memory| copy_from_shared(memory.add(at), to)) };
        Ok(())
    }

    /// Initialises `to` by what the page has at an offset in bytes.
    ///
    /// # Errors
    ///
    /// As [`read()`](Self::read): no byte is initialised then.
    pub fn read_uninit(&self, offset: usize, to: &mut [MaybeUninit<u8>]) -> Result {
        let at = checked(offset, to.len(), PAGE_SIZE)?;
        // SAFETY: The page is this one's, and the range was checked.
        unsafe { with_mapped(self.as_raw(), |memory| init_from_shared(memory.add(at), to)) };
        Ok(())
    }

    /// Copies to the page, at an offset in bytes.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond its end.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result {
        let at = checked(offset, from.len(), PAGE_SIZE)?;
        // SAFETY: The page is this one's, and the range was checked.
        unsafe { with_mapped(self.as_raw(), |memory| copy_to_shared(memory.add(at), from)) };
        Ok(())
    }

    /// Copies from user memory to the page, at an offset in bytes (C: `copy_from_user()`).
    ///
    /// Faults, so no lock may be held that a fault takes. Sleeps for that.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond the end of the page; `EFAULT` if the reader has fewer bytes, or some could
    /// not be read. A part may be copied then.
    pub fn copy_from_user(
        &self,
        reader: &mut UserSliceReader,
        offset: usize,
        len: usize,
    ) -> Result {
        let at = checked(offset, len, PAGE_SIZE)?;
        // SAFETY: The page is this one's, and the range was checked.
        unsafe {
            with_mapped(self.as_raw(), |memory| {
                reader.read_to_shared(memory.add(at), len)
            })
        }
    }

    /// Zeroes bytes of the page, from an offset on.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond its end.
    pub fn fill_zero(&self, offset: usize, len: usize) -> Result {
        let at = checked(offset, len, PAGE_SIZE)?;
        // SAFETY: The page is this one's, and the range was checked.
        unsafe { with_mapped(self.as_raw(), |memory| zero_shared(memory.add(at), len)) };
        Ok(())
    }

    /// Loads a word, at an offset in bytes (C: `READ_ONCE()`, `smp_load_acquire()`).
    ///
    /// One access that does not tear and is not repeated, so a check holds for the value that is
    /// used. `order` is [`Relaxed`](crate::sync::atomic::Relaxed) or
    /// [`Acquire`](crate::sync::atomic::Acquire).
    ///
    /// # Errors
    ///
    /// `EINVAL` if the word is out of bounds or the offset not aligned to it.
    #[doc(alias = "READ_ONCE")]
    #[doc(alias = "smp_load_acquire")]
    #[inline]
    pub fn load<W: SharedWord>(&self, offset: usize, order: impl AcquireOrRelaxed) -> Result<W> {
        let at = checked_word::<W>(offset, PAGE_SIZE)?;

        // SAFETY: The word is in the page, which is this one's, and aligned, as pages are. By the
        // type invariants the kernel accesses it by volatile and atomic accesses only.
        Ok(unsafe {
            with_mapped(self.as_raw(), |memory| {
                W::load_from(memory.add(at).cast(), order)
            })
        })
    }

    /// Stores a word, at an offset in bytes (C: `WRITE_ONCE()`, `smp_store_release()`).
    ///
    /// One access that does not tear. `order` is [`Relaxed`](crate::sync::atomic::Relaxed) or
    /// [`Release`](crate::sync::atomic::Release).
    ///
    /// # Errors
    ///
    /// `EINVAL` if the word is out of bounds or the offset not aligned to it.
    #[doc(alias = "WRITE_ONCE")]
    #[doc(alias = "smp_store_release")]
    #[inline]
    pub fn store<W: SharedWord>(
        &self,
        offset: usize,
        value: W,
        order: impl ReleaseOrRelaxed,
    ) -> Result {
        let at = checked_word::<W>(offset, PAGE_SIZE)?;

        // SAFETY: As in `load()`.
        unsafe {
            with_mapped(self.as_raw(), |memory| {
                value.store_to(memory.add(at).cast(), order)
            })
        };
        Ok(())
    }
}

impl Drop for SharedPage {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariants this has a reference to a page of order 0.
        unsafe { bindings::__free_pages(self.as_raw(), 0) };
    }
}
