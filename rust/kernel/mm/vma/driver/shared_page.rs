// SPDX-License-Identifier: GPL-2.0

//! A page that the kernel and user space use at the same time.

use crate::{
    alloc::{
        AllocError,
        Flags, //
    },
    mm::vma::shared_memory::{
        copy_from_shared,
        copy_to_shared,
        with_mapped, //
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
        // SAFETY: The page is this one's, and the range was checked.
        unsafe {
            with_mapped(self.0.as_ptr(), |memory| {
                copy_from_shared(memory.add(at), to)
            })
        };
        Ok(())
    }

    /// Copies to the page, at an offset in bytes.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond its end.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result {
        let at = checked(offset, from.len())?;
        // SAFETY: The page is this one's, and the range was checked.
        unsafe {
            with_mapped(self.0.as_ptr(), |memory| {
                copy_to_shared(memory.add(at), from)
            })
        };
        Ok(())
    }
}

fn checked(offset: usize, len: usize) -> Result<usize> {
    match offset.checked_add(len) {
        Some(end) if end <= PAGE_SIZE => Ok(offset),
        _ => Err(EINVAL),
    }
}
