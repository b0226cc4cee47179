// SPDX-License-Identifier: GPL-2.0

//! The pages of a file in all the mappings that it has, for drivers that never hold a VMA.

use crate::{
    bindings,
    fs::LocalFile,
    prelude::*, //
};
use core::{
    ops::Range,
    ptr::NonNull, //
};

/// The pages of a file, wherever they are mapped (C: `struct address_space`, `f_mapping`).
///
/// All open files of one device node have the same. It has a reference to the inode, so it should
/// not be kept for longer than the file that it was made of: a file system with it cannot be
/// unmounted.
///
/// # Invariants
///
/// `inode` is the host of the mapping, and this owns a reference to it.
pub struct FilePages {
    inode: NonNull<bindings::inode>,
}

// SAFETY: References to inodes belong to no task.
unsafe impl Send for FilePages {}
// SAFETY: `unmap_mapping_range()` takes the locks that it needs.
unsafe impl Sync for FilePages {}

impl FilePages {
    /// Those of a file.
    pub fn of(file: &LocalFile) -> Self {
        // SAFETY: The file is open, so it has a mapping, and that a host with a reference.
        let inode = unsafe {
            let inode = (*(*file.as_ptr()).f_mapping).host;
            bindings::ihold(inode);
            NonNull::new_unchecked(inode)
        };

        // INVARIANT: The reference was just taken.
        Self { inode }
    }

    /// Unmaps the pages of a range of the file, in bytes, from all mappings of all processes
    /// (C: `unmap_mapping_range()`).
    ///
    /// The range is enlarged to whole pages. What is accessed there next faults. Private copies of
    /// pages stay. May sleep: takes the file's reverse-mapping lock, so VMA locks and the mmap lock
    /// may be held.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the range is empty, or reaches beyond the largest file.
    #[doc(alias = "unmap_mapping_range")]
    pub fn unmap(&self, range: Range<u64>) -> Result {
        let begin = i64::try_from(range.start)?;
        let end = i64::try_from(range.end)?;
        let len = end
            .checked_sub(begin)
            .filter(|len| *len > 0)
            .ok_or(EINVAL)?;

        // SAFETY: By the type invariants the inode is alive, and so is its mapping. The numbers do
        // not overflow; a length of zero would mean the end of the file.
        unsafe { bindings::unmap_mapping_range((*self.inode.as_ptr()).i_mapping, begin, len, 0) };
        Ok(())
    }
}

impl Drop for FilePages {
    fn drop(&mut self) {
        // SAFETY: By the type invariants this owns a reference.
        unsafe { bindings::iput(self.inode.as_ptr()) };
    }
}
