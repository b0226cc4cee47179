// SPDX-License-Identifier: GPL-2.0

//! The walk where there are no VMA locks: one VMA after the other under the mmap read lock.

use super::{
    super::{
        mmap_guard::MmapReadGuard,
        read_guard::ReadGuard,
        vma_guard::VmaReadGuard, //
    },
    LockCounts, //
};
use crate::{
    bindings,
    error::{
        code::EAGAIN,
        to_result,
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
        // SAFETY: `mm_users` is non-zero for 's.
        to_result(unsafe { bindings::mmap_read_lock_killable(self.mm.as_raw()) })?;
        // SAFETY: The mmap read lock was just taken, and the guard gets it. The lock scope, of
        // which there is no other guard, is borrowed for 's.
        let mmap = unsafe { MmapReadGuard::from_held(self.mm) };

        Ok(ReadGuard::lock_under_mmap(
            mmap,
            MmapReadGuard::find_vma,
            addr,
        ))
    }

    #[inline]
    pub(super) fn before(&self) {}

    #[inline]
    pub(super) fn count(&self, _before: (), counts: &mut LockCounts) {
        counts.mmap_lock += 1;
    }
}
