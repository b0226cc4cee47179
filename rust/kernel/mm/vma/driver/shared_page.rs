// SPDX-License-Identifier: GPL-2.0

//! A page that the kernel and user space use at the same time.

use crate::{
    alloc::{
        AllocError,
        Flags, //
    },
    bindings,
    mm::vma::shared_memory::{
        copy_from_shared,
        copy_to_shared, //
    },
    page::{
        Page,
        PAGE_SIZE, //
    },
    prelude::*, //
};
/// A page of memory to be mapped into user space.
///
/// It is zero at first, so that nothing of the kernel's is shown. User space may write to it at any
/// time once it is mapped, so it is only read and written by copying: what is read while somebody
/// writes is some of the old and some of the new.
///
/// Dropping it drops the driver's reference. Mappings have references of their own.
pub struct SharedPage(Page);

impl SharedPage {
    /// Allocates a page.
    ///
    /// # Errors
    ///
    /// If there is no memory.
    pub fn new(flags: Flags) -> Result<Self, AllocError> {
        Ok(Self(Page::alloc_page(flags | __GFP_ZERO)?))
    }

    /// The page, to be mapped.
    #[inline]
    pub fn as_page(&self) -> &Page {
        &self.0
    }

    /// Copies from the page, at an offset in bytes.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond its end.
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result {
        let at = checked(offset, to.len())?;
        with_mapped(self.0.as_ptr(), |memory| {
            // SAFETY: The range was checked.
            unsafe { copy_from_shared(memory.add(at), to) }
        });
        Ok(())
    }

    /// Copies to the page, at an offset in bytes.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond its end.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result {
        let at = checked(offset, from.len())?;
        with_mapped(self.0.as_ptr(), |memory| {
            // SAFETY: The range was checked.
            unsafe { copy_to_shared(memory.add(at), from) }
        });
        Ok(())
    }
}

fn checked(offset: usize, len: usize) -> Result<usize> {
    match offset.checked_add(len) {
        Some(end) if end <= PAGE_SIZE => Ok(offset),
        _ => Err(EINVAL),
    }
}

/// Calls `f` with the address of a page that the caller has a reference to.
fn with_mapped(page: *mut bindings::page, f: impl FnOnce(*mut u8)) {
    // SAFETY: The page is valid, and is unmapped below in the reverse order of any that `f` maps.
    unsafe {
        let memory = bindings::kmap_local_page(page);
        f(memory.cast());
        bindings::kunmap_local(memory);
    }
}
