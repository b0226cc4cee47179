// SPDX-License-Identifier: GPL-2.0

//! A file of shmem that a driver owns and maps: memory that is swapped, and freed with its last
//! mapping.
//!
//! # Protocol
//!
//! - The file is in no descriptor table. User space gets it as the file of a VMA only. Whoever
//!   opens that in `/proc/PID/map_files`, which takes `CAP_CHECKPOINT_RESTORE`, can truncate it:
//!   pages that are gone are a SIGBUS, or zeroes. Nothing here relies on the pages.
//! - It is sealed against seals, as each inode of shmem that is not from `memfd_create()`
//!   (`shmem_get_inode()`: `F_SEAL_SEAL`). So it may always be mapped writable.
//! - It was opened for reading and writing, so it permits what the file permits that user space has
//!   called `mmap()` with, whose flags the VMA has.
//! - The memory of the whole file is accounted when it is made (`shmem_acct_size()`). Writable
//!   private mappings account their copies, as those of any file.
//! - Its inode is private to the kernel for security modules (`S_PRIVATE`), as that of shared
//!   anonymous memory: they have seen the file that user space has called `mmap()` with. No lock
//!   of them is taken, so a file may be made under the mmap lock (C: `__shmem_zero_setup()`).
//!
//! C header: [`include/linux/shmem_fs.h`](srctree/include/linux/shmem_fs.h)

use crate::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    fs::{
        File,
        LocalFile, //
    },
    mm::vma::{
        order::{
            After,
            LockClass,
            MmapLock, //
        },
        LockOrder, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::aref::ARef, //
};
use core::ptr::NonNull;

/// A file of shmem (C: `shmem_kernel_file_setup()`).
///
/// It starts zeroed. User space maps it by [`VmaSetup::map_shmem()`], and may write to it at any
/// time from then on. Mappings keep it when this is dropped.
///
/// [`VmaSetup::map_shmem()`]: super::super::VmaSetup::map_shmem
///
/// # Invariants
///
/// `file` was made by `shmem_kernel_file_setup()` with a size of `pages` pages, and is in no
/// descriptor table.
///
/// # Examples
///
/// ```
/// use kernel::{
///     mm::vma::{
///         driver::{Mapped, ShmemFile, VmaSetup},
///         LockOrder, //
///     },
///     prelude::*, //
/// };
///
/// fn mmap<'a>(memory: &ShmemFile, setup: VmaSetup<'a>) -> Result<Mapped<'a>> {
///     let first = setup.pgoff();
///     setup.map_shmem(memory, first)
/// }
///
/// let memory = ShmemFile::new(c"example", 2)?;
/// memory.write(&mut LockOrder::new(), kernel::page::PAGE_SIZE - 2, b"text")?;
/// # let mut text = [0; 3];
/// # memory.read(kernel::page::PAGE_SIZE - 1, &mut text)?;
/// # assert_eq!(&text, b"ext");
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "shmem_file_setup")]
pub struct ShmemFile {
    file: ARef<File>,
    pages: usize,
}

impl ShmemFile {
    /// Makes a file of `pages` pages, zeroed.
    ///
    /// `/proc/PID/maps` shows the name of its mappings. Sleeps.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `pages` is zero, or more than a file can have; `ENOMEM`, also if so much memory
    /// is not committed; `ENFILE`.
    #[doc(alias = "shmem_kernel_file_setup")]
    // Not inlined: C gets a structure by value, and only the crate knows its layout.
    #[inline(never)]
    pub fn new(name: &CStr, pages: usize) -> Result<Self> {
        let size = pages.checked_mul(PAGE_SIZE).ok_or(EINVAL)?;
        let size = i64::try_from(size).map_err(|_| EINVAL)?;
        if size == 0 {
            return Err(EINVAL);
        }

        // SAFETY: The name is a string, which is copied. All sizes are checked. There are no flags,
        // so the memory is accounted.
        let file = from_err_ptr(unsafe {
            bindings::shmem_kernel_file_setup(name.as_char_ptr(), size, pin_init::zeroed())
        })?;
        let file = NonNull::new(file).ok_or(ENOMEM)?.cast::<LocalFile>();

        // INVARIANT: It was just made.
        Ok(Self {
            // SAFETY: The reference is given to this. No task has a descriptor of the file, so none
            // has an `fdget_pos()` section.
            file: unsafe { LocalFile::assume_no_fdget_pos(ARef::from_raw(file)) },
            pages,
        })
    }

    /// Returns the number of pages.
    #[inline]
    pub fn count(&self) -> usize {
        self.pages
    }

    #[inline]
    pub(in crate::mm::vma) fn file(&self) -> &File {
        &self.file
    }

    /// Returns the offset in the file; `EINVAL` if the `len` bytes there are out of bounds.
    fn at(&self, offset: usize, len: usize) -> Result<i64> {
        let end = offset.checked_add(len).ok_or(EINVAL)?;
        if end > self.pages << PAGE_SHIFT {
            return Err(EINVAL);
        }
        // No file is larger.
        Ok(offset as i64)
    }

    /// Copies from the file, at an offset in bytes (C: `kernel_read()`).
    ///
    /// User space may write concurrently. The result is then a mix of old and new data. Sleeps.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond its end; `ENOMEM`; `EIO` if memory was lost, in swap for example. A part may
    /// have been copied then.
    #[doc(alias = "kernel_read")]
    // Not inlined: `kernel_read()` is for the crate.
    #[inline(never)]
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result {
        let mut pos = self.at(offset, to.len())?;
        let mut rest = to;

        while !rest.is_empty() {
            // SAFETY: The file is open, and the buffer has that length.
            let len = unsafe {
                let to = rest.as_mut_ptr().cast();
                bindings::kernel_read(self.file.as_ptr(), to, rest.len(), &mut pos)
            };
            rest = rest.get_mut(copied(len)?..).ok_or(EIO)?;
        }
        Ok(())
    }

    /// Copies to the file, at an offset in bytes (C: `kernel_write()`).
    ///
    /// Sleeps: takes the lock of the inode, which is outside of the mmap lock.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond its end; `ENOMEM`; `EIO` if memory was lost; `EINTR` if the task is being
    /// killed; `EFBIG` if it may not write files of that size (`RLIMIT_FSIZE`). A part may have
    /// been copied then.
    #[doc(alias = "kernel_write")]
    // Not inlined: as `read()`.
    pub fn write<H: LockClass>(
        &self,
        _order: &mut LockOrder<'_, H>,
        offset: usize,
        from: &[u8],
    ) -> Result
    where
        MmapLock: After<H>,
    {
        self.write_at(self.at(offset, from.len())?, from)
    }

    #[inline(never)]
    fn write_at(&self, mut pos: i64, from: &[u8]) -> Result {
        let mut rest = from;

        while !rest.is_empty() {
            // SAFETY: The file is open, and the buffer has that length.
            let len = unsafe {
                let from = rest.as_ptr().cast();
                bindings::kernel_write(self.file.as_ptr(), from, rest.len(), &mut pos)
            };
            rest = rest.get(copied(len)?..).ok_or(EIO)?;
        }
        Ok(())
    }
}

/// Returns how many bytes were copied; `EIO` if there were none.
fn copied(len: isize) -> Result<usize> {
    to_result(len.min(0) as c_int)?;
    if len == 0 {
        return Err(EIO);
    }
    Ok(len as usize)
}
