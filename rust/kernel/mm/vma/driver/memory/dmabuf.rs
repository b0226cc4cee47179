// SPDX-License-Identifier: GPL-2.0

//! A DMA buffer of another driver, which a driver has imported and maps.
//!
//! Its memory is the business of the exporter: pinned or not, in RAM or on a device. Here it is
//! only handed over to [`VmaSetup::map_dma_buf()`](super::super::VmaSetup::map_dma_buf).
//!
//! C header: [`include/linux/dma-buf.h`](srctree/include/linux/dma-buf.h)

use crate::{
    bindings,
    error::from_err_ptr,
    fs::file::flags::{
        O_ACCMODE,
        O_RDONLY, //
    },
    prelude::*, //
};
use core::ptr::NonNull;

/// A reference to a DMA buffer (C: `struct dma_buf`).
///
/// It keeps the buffer, and the module of the exporter.
///
/// # Invariants
///
/// The pointer is to a valid `dma_buf`, to whose file this has a reference.
#[doc(alias = "dma_buf")]
pub struct DmaBuf(NonNull<bindings::dma_buf>);

// SAFETY: The buffer is counted, and belongs to no task.
unsafe impl Send for DmaBuf {}
// SAFETY: All that a reference gives access to are fields that are not written after the buffer was
// made, and functions of C that lock.
unsafe impl Sync for DmaBuf {}

impl DmaBuf {
    /// Returns the buffer that is behind a file descriptor of the current process (C:
    /// `dma_buf_get()`).
    ///
    /// # Errors
    ///
    /// `EBADF` if no file is, `EINVAL` if it is another file.
    #[doc(alias = "dma_buf_get")]
    // Not inlined: it is exported to modules that import its namespace, which the crate need not.
    #[inline(never)]
    pub fn get(fd: u32) -> Result<Self> {
        let fd = c_int::try_from(fd).map_err(|_| EBADF)?;
        // SAFETY: There are no requirements on the number.
        let buf = from_err_ptr(unsafe { bindings::dma_buf_get(fd) })?;
        let buf = NonNull::new(buf).ok_or(EBADF)?;
        // SAFETY: The reference is given to this.
        Ok(unsafe { Self::from_raw(buf) })
    }

    /// # Safety
    ///
    /// The buffer must be valid, and a reference to its file be given to this.
    pub(in crate::mm::vma) unsafe fn from_raw(buf: NonNull<bindings::dma_buf>) -> Self {
        // INVARIANT: Guaranteed by the caller.
        Self(buf)
    }

    #[inline]
    pub(in crate::mm::vma) fn as_raw(&self) -> *mut bindings::dma_buf {
        self.0.as_ptr()
    }

    /// Returns the size in bytes, which stays.
    #[inline]
    pub fn size(&self) -> usize {
        // SAFETY: By the type invariants the buffer is valid. Its size is not written later.
        unsafe { (*self.as_raw()).size }
    }

    #[inline]
    pub(in crate::mm::vma) fn file(&self) -> *mut bindings::file {
        // SAFETY: By the type invariants the buffer is valid. Its file stays.
        unsafe { (*self.as_raw()).file }
    }

    /// Returns whether the exporter gave permission to read only.
    pub(in super::super) fn is_read_only(&self) -> bool {
        // SAFETY: By the type invariants this has a reference to the file. `fcntl()` changes other
        // flags of it, hence volatile.
        let flags = unsafe { (&raw const (*self.file()).f_flags).read_volatile() };
        flags & O_ACCMODE == O_RDONLY
    }
}

impl Clone for DmaBuf {
    #[doc(alias = "get_dma_buf")]
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: This has a reference to the file.
        unsafe { bindings::get_file(self.file()) };
        // INVARIANT: The new one has the reference that was just taken.
        Self(self.0)
    }
}

impl Drop for DmaBuf {
    #[doc(alias = "dma_buf_put")]
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariants this has a reference to the file (C: `dma_buf_put()`).
        unsafe { bindings::fput(self.file()) };
    }
}
