// SPDX-License-Identifier: GPL-2.0

//! Guards of the mmap lock, for reading and for writing.
//!
//! One guard type serves both modes. Its level says which it is, and is also the level of the views
//! that it gives out: a `MmapGuard<'_, MmapRead>` gives `&Vma<MmapRead>`, a
//! `MmapGuard<'_, MmapWrite>` gives `&Vma<MmapWrite>`. All views borrow the guard. Calls that end
//! the lock or change its mode consume the guard, so no view outlives the lock.
//!
//! A write guard cannot be used as a read guard. `vma_start_read_locked()` expects without a check
//! that no task has write-locked the VMA; under the mmap write lock the caller itself might have.

use super::{
    super::{
        level::{
            MmapLevel,
            MmapRead,
            MmapReadHeld,
            MmapWriteHeld, //
        },
        Vma, //
    },
    order::{
        LockOrder,
        MmapLock, //
    },
    scope::LockSubclass,
    vma_guard::{
        ReadLockError,
        VmaGuard, //
    }, //
};
use crate::{
    bindings,
    mm::MmWithUser,
    types::NotThreadSafe, //
};
use core::{
    marker::PhantomData,
    mem, //
};

/// Holds the mmap lock of an address space, in the mode of the level `L`.
///
/// Dropping it releases the lock. In write mode that ends the write locks of all VMAs, too. If it
/// is leaked ([`core::mem::forget`]) the lock stays taken: the next task that takes it waits
/// forever, and so does the exit of the process. That is safe.
///
/// # Invariants
///
/// The task that has the guard holds the mmap lock of `mm` in the mode `L`.
#[doc(alias = "mmap_read_unlock")]
#[doc(alias = "mmap_write_unlock")]
#[must_use = "the mmap lock is released as soon as the guard is dropped"]
pub struct MmapGuard<'s, L: MmapLevel> {
    mm: &'s MmWithUser,
    _level: PhantomData<L>,
    // A rw_semaphore is released by the task that took it.
    _nts: NotThreadSafe,
}

impl<'s, L: MmapLevel> MmapGuard<'s, L> {
    /// Makes the guard of a lock that is held already.
    ///
    /// # Safety
    ///
    /// The calling task holds the mmap lock of `mm` in the mode `L`, and gives it to the guard. For
    /// `'s`, no other guard of the calling task may stand for that lock.
    #[inline]
    pub unsafe fn from_held(mm: &'s MmWithUser) -> Self {
        // INVARIANT: The caller holds the lock and hands it over.
        Self {
            mm,
            _level: PhantomData,
            _nts: NotThreadSafe,
        }
    }

    /// The address space that is locked.
    #[inline]
    pub fn mm(&self) -> &'s MmWithUser {
        self.mm
    }

    /// Lends the guard, and what it takes to take locks further inside.
    ///
    /// # Examples
    ///
    /// How often the pages of the file at `addr` are mapped, by whomever:
    ///
    /// ```
    /// use kernel::mm::{vma::rmap::IMmap, MmWithUser};
    ///
    /// fn times_mapped(mm: &MmWithUser, addr: usize) -> Option<usize> {
    ///     let mut locks = mm.vma_locks();
    ///     let mut mmap = locks.read();
    ///     let (mmap, mut order) = mmap.nest();
    ///     let i_mmap = IMmap::of(mmap.lookup(addr)?.file()?).lock_read(&mut order);
    ///     Some(i_mmap.vmas(0..=usize::MAX).count())
    /// }
    /// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
    /// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
    /// # assert!(times_mapped(current!().mm().ok_or(EINVAL)?, 0).is_none());
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn nest(&mut self) -> (&Self, LockOrder<'_, MmapLock>) {
        (self, LockOrder::holding())
    }

    /// The VMA that contains `addr` (C: `vma_lookup()`).
    ///
    /// The view lives as long as the guard is borrowed.
    #[doc(alias = "vma_lookup")]
    #[inline]
    pub fn lookup(&self, addr: usize) -> Option<&Vma<L>> {
        // SAFETY: The mm is alive, and by the type invariants its mmap lock is held.
        let vma = unsafe { bindings::vma_lookup(self.mm.as_raw(), addr) };

        // SAFETY: A VMA in the tree is attached and stays so while the mmap lock is held. The view
        // borrows the guard, which holds that lock in the mode `L`.
        (!vma.is_null()).then(|| unsafe { Vma::from_raw(vma) })
    }

    /// The first VMA that ends above `addr` (C: `find_vma()`).
    ///
    /// It may begin above `addr`. To visit several VMAs there are [`vmas()`](Self::vmas) and
    /// [`vmas_in()`](Self::vmas_in).
    #[inline]
    pub fn find_vma(&self, addr: usize) -> Option<&Vma<L>> {
        // SAFETY: The mm is alive, and by the type invariants its mmap lock is held.
        let vma = unsafe { bindings::find_vma(self.mm.as_raw(), addr) };

        // SAFETY: As in `lookup()`.
        (!vma.is_null()).then(|| unsafe { Vma::from_raw(vma) })
    }

    /// Read-locks the VMA at `addr` (C: `vma_start_read_locked()`).
    ///
    /// Never sleeps. The VMA guard can outlive this guard, and so hand the mmap lock over to the
    /// VMA lock; it cannot outlive the lock scope. Several VMAs can be locked under one mmap
    /// guard.
    ///
    /// # Errors
    ///
    /// See [`ReadLockError`]. Contention is not among them: the mmap read lock keeps writers away.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::mm::{vma::{ReadLockError, VmaGuard, VmaLocks}};
    ///
    /// fn hand_over<'a>(
    ///     locks: &'a mut VmaLocks<'_>,
    ///     addr: usize,
    /// ) -> Result<VmaGuard<'a>, ReadLockError> {
    ///     let mmap = locks.read();
    ///     let vma = mmap.lock_vma(addr)?;
    ///     drop(mmap);
    ///     Ok(vma)
    /// }
    /// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
    /// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
    /// # let current = current!();
    /// # let mut locks = current.mm().ok_or(EINVAL)?.vma_locks();
    /// # assert_eq!(hand_over(&mut locks, 0).err(), Some(ReadLockError::NoVma));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "vma_start_read_locked")]
    #[inline]
    pub fn lock_vma(&self, addr: usize) -> Result<VmaGuard<'s>, ReadLockError>
    where
        L: MmapReadHeld,
    {
        // SAFETY: By `L: MmapReadHeld` the mmap read lock is held, and not the write lock. The VMA
        // belongs to `self.mm`, which outlives 's.
        unsafe { VmaGuard::lock_held(self.lookup(addr)) }
    }

    /// Read-locks the VMA at `addr` while another VMA is locked
    /// (C: `vma_start_read_locked_nested()`).
    ///
    /// Like [`lock_vma()`](Self::lock_vma). The subclass is for lockdep; kernels up to 7.3 ignore
    /// it, because they mark every VMA read lock as one that does not wait.
    ///
    /// # Errors
    ///
    /// See [`ReadLockError`].
    #[doc(alias = "vma_start_read_locked_nested")]
    #[inline]
    pub fn lock_vma_nested(
        &self,
        addr: usize,
        subclass: LockSubclass,
    ) -> Result<VmaGuard<'s>, ReadLockError>
    where
        L: MmapReadHeld,
    {
        // SAFETY: As in `lock_vma()`.
        unsafe { VmaGuard::lock_held_nested(self.lookup(addr), subclass) }
    }

    /// Turns the write lock into a read lock without releasing it (C: `mmap_write_downgrade()`).
    ///
    /// Readers get in, writers stay out. All VMA write locks end here, and every view that this
    /// guard gave out must be gone.
    #[doc(alias = "mmap_write_downgrade")]
    #[inline]
    pub fn downgrade(self) -> MmapGuard<'s, MmapRead>
    where
        L: MmapWriteHeld,
    {
        let mm = self.mm;
        // The lock goes on to the new guard.
        mem::forget(self);

        // SAFETY: By `L: MmapWriteHeld` the mmap write lock of this live mm is held. Views at the
        // write levels borrowed `self` and are gone.
        unsafe { bindings::mmap_write_downgrade(mm.as_raw()) };

        // SAFETY: The mmap read lock is what is left, and the new guard gets it.
        unsafe { MmapGuard::from_held(mm) }
    }
}

impl<L: MmapLevel> Drop for MmapGuard<'_, L> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariants this task holds the lock in the mode `L`; nothing uses it
        // after the guard.
        unsafe { L::unlock(self.mm) };
    }
}
