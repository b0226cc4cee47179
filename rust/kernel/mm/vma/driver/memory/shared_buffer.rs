// SPDX-License-Identifier: GPL-2.0

//! A buffer of many pages that the kernel and user space use concurrently.
//!
//! For the kernel the pages are contiguous, physically they are not (C: `vmalloc_user()`). Each is
//! counted by itself, so a mapping has references of its own and may outlive the buffer. The
//! `vm_struct` of the memory has an array of them. That array is all that C needs to map them, and
//! here it is a slice of [`SharedPage`]s.

use super::{
    super::AccessBuffer,
    SharedPage, //
};
use crate::{
    bindings,
    mm::vma::shared_memory::{
        checked,
        checked_word,
        copy_from_shared,
        copy_to_shared,
        init_from_shared,
        SharedWord, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::ordering::{
        AcquireOrRelaxed,
        ReleaseOrRelaxed, //
    }, //
};
use core::{
    ptr::NonNull,
    slice, //
};

/// A buffer of whole pages to be mapped into user space (C: `vmalloc_user()`).
///
/// It starts zeroed, so that it leaks no kernel data. User space may write to it at any time once
/// it is mapped, so its contents are never borrowed. They are accessed as those of a
/// [`SharedPage`], but at offsets in the whole buffer.
///
/// The mmap hook maps [its pages](Self::pages) at once, by
/// [`VmaSetup::map_buffer()`](super::super::VmaSetup::map_buffer) or
/// [`VmaDesc::map_kernel_pages()`](super::super::VmaDesc::map_kernel_pages), or a fault answers
/// with one of them.
///
/// [`map_for_device()`](Self::map_for_device) lets a device access it, too.
///
/// Dropping it drops the driver's references to the pages. Mappings have references of their own.
/// May sleep when it is dropped.
///
/// # Invariants
///
/// `memory` is the address of memory of `vmalloc_user()` or `vmalloc_32_user()`, which this owns.
/// It consists of the pages in `pages`, to each of which `vmalloc()` has a reference, and each of
/// which is as the type invariants of [`SharedPage`] say.
///
/// # Examples
///
/// The mmap hook of a device maps the part of its buffer that the page offset says:
///
/// ```
/// use kernel::{
///     mm::vma::driver::{Mapped, MixedMap, SharedBuffer, ViaMmap, VmaOperations, VmaSetup},
///     prelude::*,
///     sync::Arc, //
/// };
///
/// struct Ops;
/// kernel::vm_operations!(Ops);
///
/// #[vtable]
/// impl VmaOperations for Ops {
///     type Data = Arc<SharedBuffer>;
///     type PageKind = MixedMap;
///     type Hook = ViaMmap;
/// }
///
/// fn mmap<'a>(buffer: &Arc<SharedBuffer>, setup: VmaSetup<'a>) -> Result<Mapped<'a>> {
///     let mut setup = setup.mixedmap();
///     let first = setup.pgoff();
///
///     setup.map_buffer(buffer, first)?;
///     Ok(setup.with_ops::<Ops>(buffer.clone()))
/// }
///
/// let buffer = SharedBuffer::new(3)?;
/// buffer.write(kernel::page::PAGE_SIZE - 2, b"text")?;
/// # let mut text = [0; 2];
/// # buffer.pages()[1].read(0, &mut text)?;
/// # assert_eq!(&text, b"xt");
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "vmalloc_user")]
pub struct SharedBuffer {
    memory: NonNull<u8>,
    pages: NonNull<[SharedPage]>,
}

// SAFETY: Memory of `vmalloc()` belongs to no task.
unsafe impl Send for SharedBuffer {}
// SAFETY: All that a reference permits is to map it, and to access it by volatile and atomic
// accesses.
unsafe impl Sync for SharedBuffer {}

impl SharedBuffer {
    /// Allocates a buffer of `pages` pages, zeroed.
    ///
    /// Sleeps.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `pages` is zero or more than an address can have, `ENOMEM`.
    pub fn new(pages: usize) -> Result<Self> {
        Self::alloc(pages, false)
    }

    /// Allocates a buffer of `pages` pages, zeroed, all below 4 GiB if the kernel has a zone for
    /// that (C: `vmalloc_32_user()`).
    ///
    /// For a device with 32-bit addresses, whose data the DMA API bounces otherwise.
    ///
    /// Sleeps.
    ///
    /// # Errors
    ///
    /// As [`new()`](Self::new).
    #[doc(alias = "vmalloc_32_user")]
    pub fn new_dma32(pages: usize) -> Result<Self> {
        Self::alloc(pages, true)
    }

    // Not inlined: `find_vm_area()` is not exported.
    #[inline(never)]
    fn alloc(pages: usize, is_dma32: bool) -> Result<Self> {
        let len = pages.checked_mul(PAGE_SIZE).ok_or(EINVAL)?;
        if len == 0 {
            return Err(EINVAL);
        }
        // SAFETY: Both functions take any length.
        let memory = unsafe {
            match is_dma32 {
                true => bindings::vma_vmalloc_32_user(len),
                false => bindings::vma_vmalloc_user(len),
            }
        };
        let memory = NonNull::new(memory).ok_or(ENOMEM)?;

        // SAFETY: It was just allocated by `vmalloc()`, and is not freed.
        let array = unsafe { bindings::vma_vmalloc_pages(memory.as_ptr()) };
        // SAFETY: Memory of `vmalloc()` has an array of its pages.
        let array = unsafe { NonNull::new_unchecked(array) }.cast::<SharedPage>();

        // INVARIANT: The memory is zeroed, and is owned by this. Its pages are of order 0, or were
        // split from larger ones (`vm_area_alloc_pages()`). A `SharedPage` is a pointer to a page,
        // as each entry of the array.
        Ok(Self {
            memory: memory.cast(),
            pages: NonNull::slice_from_raw_parts(array, pages),
        })
    }

    /// Returns the number of pages.
    #[inline]
    pub fn count(&self) -> usize {
        self.pages.len()
    }

    /// Returns the pages.
    ///
    /// Each can be mapped as any other page.
    #[inline]
    pub fn pages(&self) -> &[SharedPage] {
        // SAFETY: By the type invariants the array is there, and is not written, until the memory
        // is freed when this is dropped. A reference to a `SharedPage` does not drop the page.
        unsafe { self.pages.as_ref() }
    }

    /// Returns the pages as C has them.
    #[inline]
    pub(super) fn raw_pages(&self) -> &[*mut bindings::page] {
        let pages = self.pages();
        // SAFETY: A `SharedPage` has the layout of a pointer to a page.
        unsafe { slice::from_raw_parts(pages.as_ptr().cast(), pages.len()) }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        // It was checked when the memory was allocated.
        self.count().wrapping_mul(PAGE_SIZE)
    }

    /// Returns the address of `len` bytes; `EINVAL` if they are out of bounds.
    #[inline]
    fn at(&self, offset: usize, len: usize) -> Result<*mut u8> {
        let offset = checked(offset, len, self.len())?;
        // SAFETY: By the type invariants the memory has that many bytes.
        Ok(unsafe { self.memory.as_ptr().add(offset) })
    }

    /// Copies from the buffer, at an offset in bytes.
    ///
    /// User space may write concurrently. The result is then a mix of old and new data.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond its end.
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result {
        let from = self.at(offset, to.len())?;
        // SAFETY: So many bytes are there.
        unsafe { copy_from_shared(from, to) };
        Ok(())
    }

    /// Copies to the buffer, at an offset in bytes.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond its end.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result {
        let to = self.at(offset, from.len())?;
        // SAFETY: So many bytes are there.
        unsafe { copy_to_shared(to, from) };
        Ok(())
    }

    /// Serves the access of another process to the buffer, at an offset in bytes, for
    /// [`VmaOperations::access()`](super::super::VmaOperations::access).
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond its end. Nothing is read or written then.
    pub fn access(&self, offset: usize, buffer: &mut AccessBuffer<'_>) -> Result {
        match buffer {
            AccessBuffer::Read(reply) => {
                let len = reply.room();
                let from = self.at(offset, len)?;
                // SAFETY: So many bytes are there, and all that are lent are initialised.
                unsafe { reply.append_with(len, |to| init_from_shared(from, to)) }
            }
            AccessBuffer::Write(bytes) => {
                let to = self.at(offset, bytes.remaining().len())?;
                // SAFETY: So many bytes are there.
                unsafe { copy_to_shared(to, bytes.take_all()) };
                Ok(())
            }
        }
    }

    /// Loads a word, at an offset in bytes, by one access.
    ///
    /// As [`SharedPage::load()`].
    ///
    /// # Errors
    ///
    /// `EINVAL` if the word is out of bounds or the offset not aligned to it.
    #[inline]
    pub fn load<W: SharedWord>(&self, offset: usize, order: impl AcquireOrRelaxed) -> Result<W> {
        let at = self.at(checked_word::<W>(offset, self.len())?, size_of::<W>())?;

        // SAFETY: The word is there and aligned. By the type invariants the kernel accesses it by
        // volatile and atomic accesses only.
        Ok(unsafe { W::load_from(at.cast(), order) })
    }

    /// Stores a word, at an offset in bytes, by one access.
    ///
    /// As [`SharedPage::store()`].
    ///
    /// # Errors
    ///
    /// `EINVAL` if the word is out of bounds or the offset not aligned to it.
    #[inline]
    pub fn store<W: SharedWord>(
        &self,
        offset: usize,
        value: W,
        order: impl ReleaseOrRelaxed,
    ) -> Result {
        let at = self.at(checked_word::<W>(offset, self.len())?, size_of::<W>())?;

        // SAFETY: As in `load()`.
        unsafe { value.store_to(at.cast(), order) };
        Ok(())
    }
}

impl Drop for SharedBuffer {
    fn drop(&mut self) {
        // SAFETY: By the type invariants this owns the memory. `vfree()` drops one reference to
        // each page.
        unsafe { bindings::vma_vfree(self.memory.as_ptr().cast()) };
    }
}
