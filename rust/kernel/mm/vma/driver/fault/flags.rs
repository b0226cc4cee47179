// SPDX-License-Identifier: GPL-2.0

//! The flags of a fault.

use crate::bindings;

/// The kind of access, and what the handler may do (C: `enum fault_flag`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FaultFlags(pub(super) bindings::fault_flag);

impl FaultFlags {
    #[inline]
    fn has(self, flag: bindings::fault_flag) -> bool {
        self.0 & flag != 0
    }

    /// Returns whether the access was a write (C: `FAULT_FLAG_WRITE`).
    #[inline]
    pub fn is_write(self) -> bool {
        self.has(bindings::fault_flag_FAULT_FLAG_WRITE)
    }

    /// Returns whether user space made the access, not the kernel on its behalf
    /// (C: `FAULT_FLAG_USER`).
    #[inline]
    pub fn is_user(self) -> bool {
        self.has(bindings::fault_flag_FAULT_FLAG_USER)
    }

    /// Returns whether another process made the access, such as a debugger
    /// (C: `FAULT_FLAG_REMOTE`).
    #[inline]
    pub fn is_remote(self) -> bool {
        self.has(bindings::fault_flag_FAULT_FLAG_REMOTE)
    }

    /// Returns whether a fatal signal may end a wait (C: `FAULT_FLAG_KILLABLE`).
    #[inline]
    pub fn is_killable(self) -> bool {
        self.has(bindings::fault_flag_FAULT_FLAG_KILLABLE)
    }

    /// Returns whether the handler may release the lock and have the fault retried, for the first
    /// time (C: `fault_flag_allow_retry_first()`).
    #[doc(alias = "fault_flag_allow_retry_first")]
    #[inline]
    pub fn may_retry(self) -> bool {
        self.has(bindings::fault_flag_FAULT_FLAG_ALLOW_RETRY)
            && !self.has(bindings::fault_flag_FAULT_FLAG_TRIED)
    }

    /// Returns whether the handler must request a retry at once and keep the lock
    /// (C: `FAULT_FLAG_RETRY_NOWAIT`).
    #[inline]
    pub fn is_nowait(self) -> bool {
        self.has(bindings::fault_flag_FAULT_FLAG_RETRY_NOWAIT)
    }

    /// Returns whether the VMA lock is held; otherwise the mmap lock is
    /// (C: `FAULT_FLAG_VMA_LOCK`).
    #[inline]
    pub fn holds_vma_lock(self) -> bool {
        self.has(bindings::fault_flag_FAULT_FLAG_VMA_LOCK)
    }
}
