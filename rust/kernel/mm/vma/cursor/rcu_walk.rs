// SPDX-License-Identifier: GPL-2.0

//! The walk by `lock_next_vma()`, under RCU.

use super::{
    super::{
        iter::vma_iterator,
        read_guard::ReadGuard,
        speculation::MmapSeq,
        vma_guard::VmaReadGuard, //
    },
    lock_under_mmap_lock,
    LockCounts, //
};
use crate::{
    bindings,
    error::{
        code::EAGAIN,
        from_err_ptr,
        Error,
        Result, //
    },
    mm::MmWithUser,
    sync::rcu, //
};
use core::ptr::NonNull;

/// A place in the tree of VMAs.
///
/// # Invariants
///
/// `vmi` is an iterator of the VMAs of `mm`. It is at its start, or where the last call of
/// `lock_next_vma()` has left it, in the same RCU read-side critical section.
pub(in super::super) struct Walk<'s> {
    mm: &'s MmWithUser,
    vmi: bindings::vma_iterator,
    // From before the iterator has left its start.
    seq: Option<MmapSeq>,
    _rcu: rcu::Guard,
}

impl<'s> Walk<'s> {
    #[inline]
    pub(in super::super) fn new(mm: &'s MmWithUser, addr: usize) -> Self {
        // INVARIANT: The iterator is at its start.
        Self {
            mm,
            vmi: vma_iterator(mm, addr),
            seq: None,
            _rcu: rcu::read_lock(),
        }
    }

    /// Read-locks the first VMA that ends above `addr`, which is where the last one ended.
    ///
    /// `EINTR` if the task is being killed.
    #[inline]
    pub(in super::super) fn lock_next(&mut self, addr: usize) -> Result<Option<ReadGuard<'s>>> {
        match self.try_lock_next(addr) {
            Ok(vma) => Ok(vma.map(ReadGuard::of_vma)),
            Err(e) => self.lock_under_mmap_lock(addr, e),
        }
    }

    /// The same by a VMA lock. What is left to do when that fails is
    /// [`lock_under_mmap_lock()`](Self::lock_under_mmap_lock).
    #[inline]
    pub(super) fn try_lock_next(&mut self, addr: usize) -> Result<Option<VmaReadGuard<'s>>> {
        let found = self.search(addr)?;

        // What contains the address is the right one, however it was found.
        if found.as_ref().is_some_and(|vma| vma.start() <= addr) || self.is_sure() {
            return Ok(found);
        }
        drop(found);
        self.try_lock_next_from_root(addr)
    }

    /// Whether what was found behind a gap, or nothing, can be trusted.
    #[inline]
    fn is_sure(&self) -> bool {
        // After the mmap lock was taken, in any case.
        self.is_at_start() || self.seq.is_some_and(|seq| !seq.must_retry(self.mm))
    }

    #[inline]
    fn is_at_start(&self) -> bool {
        self.vmi.mas.status == bindings::maple_status_ma_start
    }

    /// Forgets the place in the tree.
    fn restart(&mut self, addr: usize) {
        // INVARIANT: The iterator is at its start.
        self.vmi = vma_iterator(self.mm, addr);
    }

    /// As [`try_lock_next()`](Self::try_lock_next), after somebody may have changed what is between
    /// the last place in the tree and the next one.
    #[cold]
    fn try_lock_next_from_root(&mut self, addr: usize) -> Result<Option<VmaReadGuard<'s>>> {
        self.restart(addr);

        // What is found from the root, `lock_next_vma()` looks at again itself if need be; that
        // there is nothing, it does not.
        match self.search(addr)? {
            None if !self.is_sure() => Err(EAGAIN),
            found => Ok(found),
        }
    }

    /// `lock_next_vma()`, from the place in the tree on.
    #[inline]
    fn search(&mut self, addr: usize) -> Result<Option<VmaReadGuard<'s>>> {
        if self.is_at_start() {
            self.seq = MmapSeq::try_begin(self.mm);
        }

        // SAFETY: `mm_users` is non-zero for 's. By the type invariants this is inside an RCU
        // read-side critical section and the iterator belongs to it.
        let vma = from_err_ptr(unsafe { lock_next_vma(self.mm.as_raw(), &mut self.vmi, addr) })?;

        // SAFETY: The VMA was just read-locked by this task; it belongs to `mm`.
        Ok(NonNull::new(vma).map(|vma| unsafe { VmaReadGuard::from_held(vma) }))
    }

    /// What is left to do when `lock_next_vma()` fails.
    #[cold]
    pub(super) fn lock_under_mmap_lock(
        &mut self,
        addr: usize,
        error: Error,
    ) -> Result<Option<ReadGuard<'s>>> {
        // The count of readers is at its limit; anything else is final.
        if error != EAGAIN {
            return Err(error);
        }

        // SAFETY: RCU was entered by `_rcu`. Nothing that it protects is used until it is entered
        // again, and the iterator is set anew.
        unsafe { bindings::rcu_read_unlock() };
        let locked = lock_under_mmap_lock(self.mm, addr);
        // SAFETY: Makes up for the call above.
        unsafe { bindings::rcu_read_lock() };

        // Go on behind what was found, as `lock_next_vma()` does after its own fall-back.
        let addr = match &locked {
            Ok(Some(vma)) => vma.end(),
            _ => addr,
        };
        self.restart(addr);
        locked
    }

    /// To be kept for [`count()`](Self::count).
    #[inline]
    pub(super) fn before(&self) -> Option<MmapSeq> {
        MmapSeq::try_begin(self.mm)
    }

    /// Counts how the last VMA was locked.
    #[inline]
    pub(super) fn count(&self, before: Option<MmapSeq>, counts: &mut LockCounts) {
        let count = if self.is_at_start() {
            // Nobody has gone on from there: it is the fall-back to the mmap lock that sets the
            // iterator to its start.
            &mut counts.mmap_lock
        } else if before.is_some_and(|seq| !seq.must_retry(self.mm)) {
            &mut counts.rcu
        } else {
            &mut counts.retried
        };
        *count += 1;
    }
}

/// `lock_next_vma()`, which is not exported, so modules reach it through the crate.
///
/// # Safety
///
/// As for the C function: `mm` must have users, and the caller must be in the RCU read-side
/// critical section that `vmi` was set or last used in. It is not necessarily the same one
/// afterwards.
#[inline(never)]
unsafe fn lock_next_vma(
    mm: *mut bindings::mm_struct,
    vmi: *mut bindings::vma_iterator,
    addr: usize,
) -> *mut bindings::vm_area_struct {
    // SAFETY: As promised by the caller.
    unsafe { bindings::lock_next_vma(mm, vmi, addr) }
}
