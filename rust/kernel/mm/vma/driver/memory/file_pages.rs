// SPDX-License-Identifier: GPL-2.0

//! The pages of a file in all its mappings, for drivers that hold no VMA.

use crate::{
    bindings,
    fs::LocalFile,
    mm::vma::{
        order::{
            After,
            IMmapLock,
            LockClass, //
        },
        LockOrder, //
    },
    page::PAGE_SIZE,
    prelude::*, //
};
use core::ops::Range;

/// The page cache mapping of a file (C: `struct address_space`, `f_mapping`).
///
/// All open files of one device node share it.
///
/// It borrows the file, because only an open file keeps the mapping. A reference to the inode keeps
/// the memory of the inode only: `generic_shutdown_super()` reports it as busy and poisons its
/// mapping when the file system is unmounted. A driver that unmaps pages later keeps the file
/// (`ARef<File>`), outside of what the file itself owns: a file is not released while its own
/// private data has a reference to it.
#[derive(Clone, Copy)]
pub struct FilePages<'f> {
    file: &'f LocalFile,
}

impl<'f> FilePages<'f> {
    /// Returns the page cache mapping of `file`.
    #[inline]
    pub fn of(file: &'f LocalFile) -> Self {
        Self { file }
    }

    /// Unmaps the pages of a range of the file, in bytes, from all mappings of all processes
    /// (C: `unmap_mapping_range()`).
    ///
    /// The range is enlarged to whole pages. The next access to it faults. Private copies of pages
    /// stay. May sleep: takes the file's reverse-mapping lock, so VMA locks and the mmap lock may
    /// be held.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the range is empty, or reaches beyond the largest file, or if the file is one of
    /// hugetlb, whose pages are not unmapped in parts.
    #[doc(alias = "unmap_mapping_range")]
    pub fn unmap<H: LockClass>(&self, _order: &mut LockOrder<'_, H>, range: Range<u64>) -> Result
    where
        IMmapLock: After<H>,
    {
        const PAGE: u64 = PAGE_SIZE as u64;

        if range.is_empty() {
            return Err(EINVAL);
        }
        let begin = range.start - range.start % PAGE;
        let end = range.end.checked_next_multiple_of(PAGE).ok_or(EINVAL)?;
        // The last page of the largest file ends one byte beyond what an offset can be.
        i64::try_from(range.end)?;
        let len = i64::try_from(end - begin).unwrap_or(i64::MAX);

        let file = self.file.as_ptr();
        // SAFETY: The file is open, so its operations are there.
        if unsafe { bindings::is_file_hugepages(file) } {
            return Err(EINVAL);
        }

        // SAFETY: The file is open, and has a reference to the inode whose mapping this is, and to
        // its file system. The numbers do not overflow: `begin` is not above `i64::MAX`. The length
        // is not zero, which would mean the end of the file.
        unsafe { bindings::unmap_mapping_range((*file).f_mapping, begin as i64, len, 0) };
        Ok(())
    }
}
