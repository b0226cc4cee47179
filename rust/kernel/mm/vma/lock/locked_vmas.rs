// SPDX-License-Identifier: GPL-2.0

//! Several VMAs read-locked at once, without keeping the mmap lock.
//!
//! # The protocol
//!
//! 1. Try: lock each VMA under RCU. This never waits.
//! 2. If one lock fails, release all, and only then wait for the mmap read lock. It excludes
//!    write-locking a VMA, so each VMA is locked at the first attempt: `vma_start_read_locked()`
//!    for the first, `vma_start_read_locked_nested()` for the others. Release the mmap lock.
//!
//! `uffd_move_lock()` does this for two. It cannot deadlock, for any order of the VMAs and any
//! number of tasks: no task waits while it holds a VMA read lock taken here. So a writer that holds
//! the mmap lock and waits for readers waits only for readers that run. It terminates, because the
//! second step is done once and the mmap lock is fair. Readers do not exclude each other, so they
//! need neither an order nor the backoff of a `ww_mutex`.
//!
//! A VMA that is named several times is locked once. Locking it twice would not deadlock, but could
//! fail needlessly: a writer that waits for the first count excludes the second one.
//!
//! `Documentation/mm/process_addrs_rust.rst` compares this with a `ww_mutex` in each VMA. A model
//! of both was checked.
//!
//! C source: [`mm/userfaultfd.c`](srctree/mm/userfaultfd.c)

use super::{
    super::{
        level::{
            MmapRead,
            Read, //
        },
        Vma, //
    },
    mmap_guard::MmapGuard,
    read_guard::HeldLock,
    vma_guard::{
        ReadLockError,
        VmaGuard, //
    },
    VmaLocks, //
};
use crate::{
    bindings,
    error::{
        Error,
        Result, //
    },
    mm::MmWithUser,
    types::NotThreadSafe, //
};
use core::{
    marker::PhantomData,
    ptr, //
};

mod sealed {
    pub trait Sealed {}
}

/// An array of addresses whose VMAs may all be locked at once: one of at most 16.
///
/// Lockdep tracks `MAX_LOCK_DEPTH` locks of a task, 48, and turns itself off for good when a task
/// takes one more. The calling task may hold others, and its calls take more. This trait is sealed.
#[diagnostic::on_unimplemented(
    message = "too many VMAs are to be locked at once",
    label = "at most 16 VMAs can be locked at once",
    note = "lockdep follows 48 locks of a task, and turns itself off when there are more: hold the \
            mmap lock with `VmaLocks::read()`, or visit the VMAs one after the other with \
            `VmaLocks::cursor()`"
)]
pub trait LockableAtOnce: sealed::Sealed {}

macro_rules! lockable_at_once {
    ($($n:literal)*) => {$(
        impl sealed::Sealed for [usize; $n] {}
        impl LockableAtOnce for [usize; $n] {}
    )*};
}

lockable_at_once! { 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 }

/// Error of [`VmaLocks::lock_vmas()`]. No VMA is locked when it is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockVmasError {
    /// The index of the address whose VMA could not be locked.
    pub index: usize,

    /// The reason.
    pub reason: ReadLockError,
}

impl From<LockVmasError> for Error {
    #[inline]
    fn from(e: LockVmasError) -> Error {
        e.reason.into()
    }
}

/// Holds `N` VMAs by read locks, those of the VMAs or that of their address space.
///
/// Made by [`VmaLocks::lock_vmas()`]. Dropping it releases the locks. If it is leaked
/// ([`core::mem::forget`]) they stay taken; see [`VmaGuard`].
///
/// # Invariants
///
/// Without an mmap guard, each pointer that is not null is to a VMA whose read lock this guard
/// holds, once, however often the VMA occurs; with one, to a VMA of its address space. The
/// `mm_struct` has non-zero `mm_users` for `'s`. No pointer is null once `lock_vmas()` has
/// returned.
#[must_use = "the read locks are released as soon as the guard is dropped"]
pub struct LockedVmas<'s, const N: usize> {
    vmas: [*mut bindings::vm_area_struct; N],
    // Only where there are no VMA locks.
    #[cfg(not(CONFIG_PER_VMA_LOCK))]
    mmap: Option<MmapGuard<'s, MmapRead>>,
    // The borrow of the lock scope.
    _scope: PhantomData<&'s MmWithUser>,
    // Lockdep wants the VMA read lock released by the task that took it.
    _nts: NotThreadSafe,
}

impl VmaLocks<'_> {
    /// Read-locks the VMAs at several addresses, all at once.
    ///
    /// Two addresses may belong to one VMA. [`LockableAtOnce`] bounds their number. May sleep,
    /// uninterruptibly, for the mmap lock, which is not kept; without `CONFIG_PER_VMA_LOCK` the
    /// mmap lock protects the VMAs and is kept.
    ///
    /// # Errors
    ///
    /// See [`LockVmasError`]: an address without a VMA, or a VMA whose count of readers is at its
    /// limit. Nothing is held then.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::mm::{vma::VmaFlag, MmWithUser};
    ///
    /// /// Whether pages could be moved from one place to another, as far as the VMAs go.
    /// fn can_move(mm: &MmWithUser, from: usize, to: usize) -> Result<bool> {
    ///     let mut locks = mm.vma_locks();
    ///     let locked = locks.lock_vmas([from, to])?;
    ///     let [from, to] = locked.views();
    ///     let writable = |vma: &kernel::mm::vma::Vma<_>| vma.flags().contains(VmaFlag::WRITE);
    ///     Ok(writable(from) && writable(to) && to.file().is_none())
    /// }
    /// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
    /// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
    /// # assert_eq!(can_move(current!().mm().ok_or(EINVAL)?, 0, 0), Err(ENOENT));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "uffd_move_lock")]
    #[inline]
    pub fn lock_vmas<const N: usize>(
        &mut self,
        addrs: [usize; N],
    ) -> Result<LockedVmas<'_, N>, LockVmasError>
    where
        [usize; N]: LockableAtOnce,
    {
        if let Some(vmas) = LockedVmas::try_lock(self.mm(), &addrs) {
            return Ok(vmas);
        }

        LockedVmas::lock_under(self.read(), &addrs)
    }

    /// Like [`lock_vmas()`](Self::lock_vmas), but does not wait for the mmap lock when the task is
    /// being killed.
    ///
    /// # Errors
    ///
    /// `EINTR` if a fatal signal arrived while waiting; nothing is held then. Those of
    /// [`lock_vmas()`](Self::lock_vmas) are inside.
    #[inline]
    pub fn lock_vmas_killable<const N: usize>(
        &mut self,
        addrs: [usize; N],
    ) -> Result<Result<LockedVmas<'_, N>, LockVmasError>>
    where
        [usize; N]: LockableAtOnce,
    {
        if let Some(vmas) = LockedVmas::try_lock(self.mm(), &addrs) {
            return Ok(Ok(vmas));
        }

        Ok(LockedVmas::lock_under(self.read_killable()?, &addrs))
    }
}

impl<'s, const N: usize> LockedVmas<'s, N> {
    #[inline]
    fn none() -> Self {
        // INVARIANT: There is no lock yet, and no pointer.
        Self {
            vmas: [ptr::null_mut(); N],
            #[cfg(not(CONFIG_PER_VMA_LOCK))]
            mmap: None,
            _scope: PhantomData,
            _nts: NotThreadSafe,
        }
    }

    /// The first step. Returns `None` if one of the VMAs cannot be locked without waiting.
    #[inline]
    fn try_lock(mm: &'s MmWithUser, addrs: &[usize; N]) -> Option<Self> {
        let mut this = Self::none();

        for (i, &addr) in addrs.iter().enumerate() {
            this.vmas[i] = match this.find(i, addr) {
                Some(vma) => vma,
                None => VmaGuard::lock_under_rcu(mm, addr)?.into_raw().as_ptr(),
            };
        }

        // INVARIANT: No pointer is null, and each VMA was locked when it was named first.
        Some(this)
    }

    /// The second step.
    #[cold]
    #[inline(never)]
    fn lock_under(
        mmap: MmapGuard<'s, MmapRead>,
        addrs: &[usize; N],
    ) -> Result<Self, LockVmasError> {
        let mut this = Self::none();

        for (index, &addr) in addrs.iter().enumerate() {
            this.vmas[index] = match this.find(index, addr) {
                Some(vma) => vma,
                None => Self::lock_one(&mmap, addr, index)
                    .map_err(|reason| LockVmasError { index, reason })?,
            };
        }

        // INVARIANT: No pointer is null, and each VMA was locked when it was named first.
        #[cfg(not(CONFIG_PER_VMA_LOCK))]
        {
            this.mmap = Some(mmap);
        }
        Ok(this)
    }

    /// Read-locks the VMA at `addr`, after `index` others.
    #[cfg(CONFIG_PER_VMA_LOCK)]
    #[inline]
    fn lock_one(
        mmap: &MmapGuard<'s, MmapRead>,
        addr: usize,
        index: usize,
    ) -> Result<*mut bindings::vm_area_struct, ReadLockError> {
        let vma = match index {
            0 => mmap.lock_vma(addr),
            _ => mmap.lock_vma_nested(addr, super::LockSubclass::SINGLE_DEPTH_NESTING),
        }?;
        Ok(vma.into_raw().as_ptr())
    }

    /// The VMA at `addr`, which the mmap lock protects.
    #[cfg(not(CONFIG_PER_VMA_LOCK))]
    #[inline]
    fn lock_one(
        mmap: &MmapGuard<'s, MmapRead>,
        addr: usize,
        _index: usize,
    ) -> Result<*mut bindings::vm_area_struct, ReadLockError> {
        Ok(mmap.lookup(addr).ok_or(ReadLockError::NoVma)?.as_raw())
    }

    /// The VMA at `addr`, if it is one of the first `len`.
    #[inline]
    fn find(&self, len: usize, addr: usize) -> Option<*mut bindings::vm_area_struct> {
        let locked = self.vmas.get(..len)?;
        locked.iter().copied().find(|&vma| {
            // SAFETY: By the type invariants the VMA is locked, so its extent does not change.
            let vma = unsafe { Vma::<Read>::from_raw(vma) };
            (vma.start()..vma.end()).contains(&addr)
        })
    }

    /// Returns the VMAs, in the order of the addresses.
    #[inline]
    pub fn views(&self) -> [&Vma<Read>; N] {
        // SAFETY: By the type invariants each is locked for as long as the guard lives, which the
        // views borrow.
        self.vmas.map(|vma| unsafe { Vma::from_raw(vma) })
    }

    /// Returns the VMA at the address number `index`, or `None` if that is out of bounds.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&Vma<Read>> {
        // SAFETY: As in `views()`.
        self.vmas
            .get(index)
            .map(|&vma| unsafe { Vma::from_raw(vma) })
    }

    /// Returns which lock is held: those of the VMAs, or, without VMA locks, that of the address
    /// space.
    #[inline]
    pub fn held(&self) -> HeldLock {
        if cfg!(CONFIG_PER_VMA_LOCK) {
            HeldLock::Vma
        } else {
            HeldLock::Mmap
        }
    }
}

#[cfg(CONFIG_PER_VMA_LOCK)]
impl<const N: usize> Drop for LockedVmas<'_, N> {
    #[inline]
    fn drop(&mut self) {
        for (i, &vma) in self.vmas.iter().enumerate() {
            // Compares addresses only: the VMAs before are unlocked already.
            let is_unlocked = self
                .vmas
                .get(..i)
                .is_some_and(|before| before.contains(&vma));
            if !vma.is_null() && !is_unlocked {
                // SAFETY: By the type invariants the read lock is held by this task, once, and the
                // mm is alive; views borrowed the guard and are gone.
                unsafe { bindings::vma_end_read(vma) };
            }
        }
    }
}
