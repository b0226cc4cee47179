// SPDX-License-Identifier: GPL-2.0

//! The guard of a VMA read lock.
//!
//! A VMA is read-locked by a count in `vm_refcnt`, and a writer waits until that count is gone.
//! There are two ways to take it: under RCU, without the mmap lock, which may fail and never
//! sleeps; and under the mmap read lock, which excludes writers, so it fails only when the count is
//! at its limit.
//!
//! C sources: [`include/linux/mmap_lock.h`](srctree/include/linux/mmap_lock.h),
//! [`mm/mmap_lock.c`](srctree/mm/mmap_lock.c)

use super::{
    super::{
        level::{
            MmapReadHeld,
            VmaRead, //
        },
        Vma, //
    },
    scope::LockSubclass, //
};
use crate::{
    bindings,
    error::{
        code,
        Error, //
    },
    mm::MmWithUser,
    types::NotThreadSafe, //
};
use core::{
    marker::PhantomData,
    ops::Deref,
    ptr::NonNull, //
};

/// Error of read-locking a VMA under the mmap lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadLockError {
    /// There is no VMA at this address. As an [`Error`]: `ENOENT`.
    NoVma,

    /// The VMA has as many readers as `vm_refcnt` can count (`VM_REFCNT_LIMIT`). As an [`Error`]:
    /// `EAGAIN`.
    ReadersAtLimit,

    /// This kernel is built without `CONFIG_PER_VMA_LOCK`. As an [`Error`]: `EOPNOTSUPP`.
    NotSupported,
}

impl From<ReadLockError> for Error {
    #[inline]
    fn from(e: ReadLockError) -> Error {
        match e {
            ReadLockError::NoVma => code::ENOENT,
            ReadLockError::ReadersAtLimit => code::EAGAIN,
            ReadLockError::NotSupported => code::EOPNOTSUPP,
        }
    }
}

/// Holds the read lock of one VMA.
///
/// It dereferences to a view at the level [`VmaRead`]. Dropping it releases the lock
/// (`vma_end_read()`), which may let the VMA be freed. If it is leaked ([`core::mem::forget`]) the
/// VMA stays read-locked: writing to it, unmapping it and the exit of its process wait forever. It
/// cannot be used or freed wrongly, though.
///
/// # Invariants
///
/// `vma` points to a VMA whose read lock this guard holds, taken by the task that has the guard.
/// Its `mm_struct` has non-zero `mm_users` for `'s`.
#[doc(alias = "vma_end_read")]
#[must_use = "the VMA read lock is released as soon as the guard is dropped"]
pub struct VmaGuard<'s> {
    // Not a reference: one would have to stay valid until `drop()` returns, and `vma_end_read()`
    // may let the VMA be freed before.
    vma: NonNull<bindings::vm_area_struct>,
    // The borrow of the lock scope.
    _scope: PhantomData<&'s MmWithUser>,
    // Lockdep wants the VMA read lock released by the task that took it.
    _nts: NotThreadSafe,
}

impl<'s> VmaGuard<'s> {
    /// Makes the guard of a read lock that is held already.
    ///
    /// # Safety
    ///
    /// The calling task holds the read lock of `vma` and gives it to the guard. `mm_users` of its
    /// `mm_struct` is non-zero for `'s`.
    #[inline]
    pub unsafe fn from_held(vma: NonNull<bindings::vm_area_struct>) -> Self {
        // INVARIANT: The caller holds the lock and hands it over.
        Self {
            vma,
            _scope: PhantomData,
            _nts: NotThreadSafe,
        }
    }

    /// `lock_vma_under_rcu()`, or `None` where there are no VMA locks.
    #[inline]
    pub(in crate::mm::vma) fn lock_under_rcu(mm: &'s MmWithUser, addr: usize) -> Option<Self> {
        #[cfg(CONFIG_PER_VMA_LOCK)]
        // SAFETY: The reference keeps the mm alive, with non-zero `mm_users`, for 's. What the
        // function returns is NULL or a VMA that it has read-locked.
        return unsafe {
            NonNull::new(bindings::lock_vma_under_rcu(mm.as_raw(), addr))
                .map(|vma| Self::from_held(vma))
        };

        #[cfg(not(CONFIG_PER_VMA_LOCK))]
        {
            let _ = (mm, addr);
            None
        }
    }

    /// `vma_start_read_locked()`.
    ///
    /// # Safety
    ///
    /// `mm_users` of the `mm_struct` that `vma` belongs to must be non-zero for `'s`.
    #[inline]
    pub(super) unsafe fn lock_held<L: MmapReadHeld>(
        vma: Option<&Vma<L>>,
    ) -> Result<Self, ReadLockError> {
        let vma = vma.ok_or(ReadLockError::NoVma)?;

        #[cfg(CONFIG_PER_VMA_LOCK)]
        // SAFETY: By `L: MmapReadHeld` the VMA is attached, the mmap read lock is held, and this
        // task has not write-locked the VMA.
        if unsafe { bindings::vma_start_read_locked(vma.as_raw()) } {
            // SAFETY: The read lock was just taken. Guaranteed by the caller: `mm_users` is
            // not zero for `'s`.
            return Ok(unsafe { Self::from_held(vma.as_non_null()) });
        }

        Err(Self::why_not(vma))
    }

    /// `vma_start_read_locked_nested()`.
    ///
    /// # Safety
    ///
    /// `mm_users` of the `mm_struct` that `vma` belongs to must be non-zero for `'s`.
    #[inline]
    pub(super) unsafe fn lock_held_nested<L: MmapReadHeld>(
        vma: Option<&Vma<L>>,
        subclass: LockSubclass,
    ) -> Result<Self, ReadLockError> {
        let vma = vma.ok_or(ReadLockError::NoVma)?;

        #[cfg(CONFIG_PER_VMA_LOCK)]
        // SAFETY: As in `lock_held()`; and `LockSubclass` is a number that lockdep accepts.
        if unsafe { bindings::vma_start_read_locked_nested(vma.as_raw(), subclass.as_int()) } {
            // SAFETY: The read lock was just taken. Guaranteed by the caller: `mm_users` is
            // not zero for `'s`.
            return Ok(unsafe { Self::from_held(vma.as_non_null()) });
        }

        #[cfg(not(CONFIG_PER_VMA_LOCK))]
        let _ = subclass;

        Err(Self::why_not(vma))
    }

    /// Returns the reason for which an attached VMA cannot be read-locked while no task can
    /// write-lock it.
    #[inline]
    fn why_not<L: MmapReadHeld>(_vma: &Vma<L>) -> ReadLockError {
        if cfg!(CONFIG_PER_VMA_LOCK) {
            ReadLockError::ReadersAtLimit
        } else {
            ReadLockError::NotSupported
        }
    }

    /// Gives the lock up without releasing it.
    #[inline]
    pub(super) fn into_raw(self) -> NonNull<bindings::vm_area_struct> {
        let vma = self.vma;
        core::mem::forget(self);
        vma
    }
}

impl Deref for VmaGuard<'_> {
    type Target = Vma<VmaRead>;

    #[inline]
    fn deref(&self) -> &Vma<VmaRead> {
        // SAFETY: By the type invariants the VMA is read-locked by this task for as long as the
        // guard lives, which the view borrows.
        unsafe { Vma::from_raw(self.vma.as_ptr()) }
    }
}

impl Drop for VmaGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariants the read lock is held by this task and its mm is alive;
        // views borrowed the guard and are gone.
        unsafe { bindings::vma_end_read(self.vma.as_ptr()) };
    }
}
