// SPDX-License-Identifier: GPL-2.0

//! The inode that `/proc/PID/maps` names for a VMA.
//!
//! C source: [`fs/proc/task_mmu.c`](srctree/fs/proc/task_mmu.c)

use super::super::{
    level::{
        Level,
        ReadFields, //
    },
    Vma, //
};
use crate::bindings;

/// The number of an inode, and the device that it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InodeId {
    /// The device's major number.
    pub major: u32,

    /// The device's minor number.
    pub minor: u32,

    /// The inode's number.
    pub number: u64,
}

impl<L: Level> Vma<L> {
    /// Returns the inode of the file that is mapped, if any, as userspace knows it (C:
    /// `file_user_inode()`).
    #[doc(alias = "file_user_inode")]
    #[inline]
    pub fn inode_id(&self) -> Option<InodeId>
    where
        L: ReadFields,
    {
        let file = self.file()?;

        // SAFETY: The reference keeps the file, which keeps its inode and the superblock of that
        // (and the path that a backing file stands for, with its dentry, which is not negative
        // while the file is open). The numbers are not changed once a file is open.
        let (dev, number) = unsafe {
            let inode = bindings::file_user_inode(file.as_ptr());
            ((*(*inode).i_sb).s_dev, (*inode).i_ino)
        };

        Some(InodeId {
            major: dev >> bindings::MINORBITS,
            minor: dev & ((1 << bindings::MINORBITS) - 1),
            number,
        })
    }
}
