// SPDX-License-Identifier: GPL-2.0

//! The walk where there are no VMA locks: one VMA after the other under the mmap read lock.

use super::{
    super::{
        read_guard::ReadGuard,
        vma_guard::VmaReadGuard, //
    },
    lock_under_mmap_lock,
    LockCounts, //
};
use crate::{
    error::{
        code::EAGAIN,
        Error,
        Result, //
    },
    mm::MmWithUser, //
};

pub(in super::super) struct Walk<'s> {
    mm: &'s MmWithUser,
}

impl<'s> Walk<'s> {
    #[inline]
    pub(in super::super) fn new(mm: &'s MmWithUser, _addr: usize) -> Self {
        Self { mm }
    }

    /// Holds the first VMA that ends above `addr`, by the mmap read lock.
    ///
    /// `EINTR` if the task is being killed.
    #[inline]
    pub(in super::super) fn lock_next(&mut self, addr: usize) -> Result<Option<ReadGuard<'s>>> {
        self.lock_under_mmap_lock(addr, EAGAIN)
    }

    /// There is no VMA lock to be had.
    #[inline]
    pub(super) fn try_lock_next(&mut self, _addr: usize) -> Result<Option<VmaReadGuard<'s>>> {
        Err(EAGAIN)
    }

    #[inline]
    pub(super) fn lock_under_mmap_lock(
        &mut self,
        addr: usize,
        _error: Error,
    ) -> Result<Option<ReadGuard<'s>>> {
        lock_under_mmap_lock(self.mm, addr)
    }

    #[inline]
    pub(super) fn before(&self) {}

    #[inline]
    pub(super) fn count(&self, _before: (), counts: &mut LockCounts) {
        counts.mmap_lock += 1;
    }
}
