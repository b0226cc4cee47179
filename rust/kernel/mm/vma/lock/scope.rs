// SPDX-License-Identifier: GPL-2.0

//! The lock scope: "this context holds no VMA-related lock of this address space".
//!
//! A task that holds a VMA read lock must not wait for the mmap lock: a writer that already holds
//! the mmap lock may wait for that VMA, see the warning in
//! [`Documentation/mm/process_addrs.rst`](srctree/Documentation/mm/process_addrs.rst). The scope
//! turns this rule into a borrow. Calls that wait for the mmap lock borrow the scope mutably. Every
//! guard keeps its borrow of the scope, also that of a VMA read lock that outlived the mmap lock.
//! So the compiler rejects a function that waits for the mmap lock while it still has a guard.
//!
//! C header: [`include/linux/mmap_lock.h`](srctree/include/linux/mmap_lock.h)

use super::{
    super::{
        level::{
            MmapRead,
            MmapWrite, //
        },
        walk::lock_next, //
    },
    mmap_guard::MmapGuard,
    read_guard::ReadGuard,
    vma_guard::VmaGuard, //
};
use crate::{
    bindings,
    error::{
        to_result,
        Result, //
    },
    mm::MmWithUser,
    types::NotThreadSafe, //
};

/// A lockdep subclass for a lock that is taken while another of its class is held.
///
/// The number is checked at compile time: lockdep has `MAX_LOCKDEP_SUBCLASSES` of them and turns
/// itself off when it meets a larger one.
///
/// # Examples
///
/// ```
/// use kernel::mm::vma::LockSubclass;
///
/// const CHILD: LockSubclass = LockSubclass::SINGLE_DEPTH_NESTING;
/// const GRANDCHILD: LockSubclass = LockSubclass::new::<2>();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockSubclass(u8);

impl LockSubclass {
    /// `MAX_LOCKDEP_SUBCLASSES` of [`include/linux/lockdep_types.h`].
    ///
    /// [`include/linux/lockdep_types.h`]: srctree/include/linux/lockdep_types.h
    const MAX: u8 = 8;

    /// One lock of a class inside another one (C: `SINGLE_DEPTH_NESTING`).
    pub const SINGLE_DEPTH_NESTING: Self = Self::new::<1>();

    /// Makes the subclass `N`.
    pub const fn new<const N: u8>() -> Self {
        const { assert!(N < Self::MAX, "lockdep has the subclasses 0 to 7") };
        Self(N)
    }

    #[cfg(any(CONFIG_PER_VMA_LOCK, CONFIG_RUST_VMA_MM))]
    #[inline]
    pub(super) fn as_int(self) -> i32 {
        i32::from(self.0)
    }
}

/// The right to take the mmap lock and the VMA locks of one address space, one at a time.
///
/// Made by [`MmWithUser::vma_locks()`]. Guards borrow from it, so that at any time there is either
/// one mmap lock guard with the VMA read locks taken under it, or any number of VMA read locks
/// taken without waiting, or nothing.
///
/// Making a scope takes no lock and costs nothing. One task can make two scopes of one address
/// space; taking locks from both can deadlock, which lockdep reports, but cannot corrupt memory.
///
/// # Examples
///
/// Read a VMA under the VMA lock, or under the mmap lock if that fails:
///
/// ```
/// use kernel::mm::{vma::VmaFlag, MmWithUser};
///
/// fn is_writable(mm: &MmWithUser, addr: usize) -> Option<bool> {
///     let mut locks = mm.vma_locks();
///     let vma = locks.lock_vma(addr)?;
///     Some(vma.flags().contains(VmaFlag::WRITE))
/// }
/// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
/// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
/// # assert!(is_writable(current!().mm().ok_or(EINVAL)?, 0).is_none());
/// # Ok::<(), Error>(())
/// ```
#[must_use = "a lock scope does nothing until a lock is taken from it"]
pub struct VmaLocks<'mm> {
    mm: &'mm MmWithUser,
    // The rule that the scope stands for is one of the calling task.
    _nts: NotThreadSafe,
}

impl MmWithUser {
    /// Starts a lock scope, from which the mmap lock and the VMA locks of this address space are
    /// taken.
    ///
    /// The caller should hold none of these locks. That is not checked here; see [`VmaLocks`] for
    /// what happens if it does.
    #[inline]
    pub fn vma_locks(&self) -> VmaLocks<'_> {
        VmaLocks {
            mm: self,
            _nts: NotThreadSafe,
        }
    }
}

impl<'mm> VmaLocks<'mm> {
    /// Returns the address space whose locks these are.
    #[inline]
    pub fn mm(&self) -> &'mm MmWithUser {
        self.mm
    }

    /// Takes the mmap lock for reading (C: `mmap_read_lock()`).
    ///
    /// Sleeps, uninterruptibly, while there is a writer.
    #[doc(alias = "mmap_read_lock")]
    #[inline]
    pub fn read(&mut self) -> MmapGuard<'_, MmapRead> {
        // SAFETY: The reference keeps the mm alive, with non-zero `mm_users`.
        unsafe { bindings::mmap_read_lock(self.mm.as_raw()) };

        // SAFETY: The mmap read lock was just taken, and the guard gets it.
        unsafe { MmapGuard::from_held(self.mm) }
    }

    /// Takes the mmap lock for reading unless that would sleep (C: `mmap_read_trylock()`).
    ///
    /// Returns `None` if there is a writer, or if one is waiting.
    #[doc(alias = "mmap_read_trylock")]
    #[inline]
    pub fn read_trylock(&mut self) -> Option<MmapGuard<'_, MmapRead>> {
        // SAFETY: The reference keeps the mm alive, with non-zero `mm_users`.
        if !unsafe { bindings::mmap_read_trylock(self.mm.as_raw()) } {
            return None;
        }

        // SAFETY: The mmap read lock was just taken, and the guard gets it.
        Some(unsafe { MmapGuard::from_held(self.mm) })
    }

    /// Takes the mmap lock for reading, or fails when the task is being killed
    /// (C: `mmap_read_lock_killable()`).
    ///
    /// # Errors
    ///
    /// `EINTR` if a fatal signal arrived while waiting. Nothing is held then.
    #[doc(alias = "mmap_read_lock_killable")]
    #[inline]
    pub fn read_killable(&mut self) -> Result<MmapGuard<'_, MmapRead>> {
        // SAFETY: The reference keeps the mm alive, with non-zero `mm_users`.
        to_result(unsafe { bindings::mmap_read_lock_killable(self.mm.as_raw()) })?;

        // SAFETY: The mmap read lock was just taken, and the guard gets it.
        Ok(unsafe { MmapGuard::from_held(self.mm) })
    }

    /// Takes the mmap lock for writing (C: `mmap_write_lock()`).
    ///
    /// Sleeps, uninterruptibly, while there is a reader or another writer. Does not wait for VMA
    /// readers: [`Vma::start_write()`](super::super::Vma::start_write) does, one VMA at a time.
    #[doc(alias = "mmap_write_lock")]
    #[inline]
    pub fn write(&mut self) -> MmapGuard<'_, MmapWrite> {
        // SAFETY: The reference keeps the mm alive, with non-zero `mm_users`.
        unsafe { bindings::mmap_write_lock(self.mm.as_raw()) };

        // SAFETY: The mmap write lock was just taken, and the guard gets it.
        unsafe { MmapGuard::from_held(self.mm) }
    }

    /// Takes the mmap lock for writing, or fails when the task is being killed
    /// (C: `mmap_write_lock_killable()`).
    ///
    /// # Errors
    ///
    /// `EINTR` if a fatal signal arrived while waiting. Nothing is held then.
    #[doc(alias = "mmap_write_lock_killable")]
    #[inline]
    pub fn write_killable(&mut self) -> Result<MmapGuard<'_, MmapWrite>> {
        // SAFETY: The reference keeps the mm alive, with non-zero `mm_users`.
        to_result(unsafe { bindings::mmap_write_lock_killable(self.mm.as_raw()) })?;

        // SAFETY: The mmap write lock was just taken, and the guard gets it.
        Ok(unsafe { MmapGuard::from_held(self.mm) })
    }

    /// Takes the mmap lock for writing while that of another address space is held
    /// (C: `mmap_write_lock_nested()`).
    ///
    /// The subclass tells lockdep that these are two locks. As in `dup_mmap()`, a task that nests
    /// needs an order of the two address spaces that no other task reverses.
    #[cfg(CONFIG_RUST_VMA_MM)]
    #[doc(alias = "mmap_write_lock_nested")]
    #[inline]
    pub fn write_nested(&mut self, subclass: LockSubclass) -> MmapGuard<'_, MmapWrite> {
        // SAFETY: The reference keeps the mm alive, with non-zero `mm_users`. `LockSubclass` is a
        // number that lockdep accepts.
        unsafe { bindings::mmap_write_lock_nested(self.mm.as_raw(), subclass.as_int()) };

        // SAFETY: The mmap write lock was just taken, and the guard gets it.
        unsafe { MmapGuard::from_held(self.mm) }
    }

    /// Read-locks the VMA at `addr` without the mmap lock (C: `lock_vma_under_rcu()`).
    ///
    /// Never sleeps. Returns `None` if there is no VMA at `addr`, or if locking failed: a writer
    /// holds the lock or waits for it, the VMA was replaced during the lookup, the count of readers
    /// is at its limit, or the kernel is built without `CONFIG_PER_VMA_LOCK`. Use
    /// [`lock_vma()`](Self::lock_vma) to tell the two apart.
    ///
    /// Any number of VMAs can be locked this way. A task should hold only a few, because lockdep
    /// turns itself off at `MAX_LOCK_DEPTH` locks of one task; see
    /// [`LockableAtOnce`](super::LockableAtOnce).
    #[doc(alias = "vma_start_read")]
    #[inline]
    pub fn lock_vma_under_rcu(&self, addr: usize) -> Option<VmaGuard<'_>> {
        VmaGuard::lock_under_rcu(self.mm, addr)
    }

    /// Read-locks the VMA at `addr`, in every configuration.
    ///
    /// Tries [`lock_vma_under_rcu()`](Self::lock_vma_under_rcu) first. If that fails it takes the
    /// mmap read lock, looks the VMA up, read-locks it (`vma_start_read_locked()`) and drops the
    /// mmap lock again: the mmap lock is handed over to the VMA lock. The guard keeps the mmap read
    /// lock instead if this kernel has no VMA locks, or if the VMA's count of readers is at its
    /// limit. [`ReadGuard::held()`] returns which lock it is.
    ///
    /// Returns `None` only if there is no VMA at `addr`. May sleep, uninterruptibly, for the mmap
    /// lock.
    #[inline]
    pub fn lock_vma(&mut self, addr: usize) -> Option<ReadGuard<'_>> {
        match VmaGuard::lock_under_rcu(self.mm, addr) {
            Some(vma) => Some(ReadGuard::of_vma(vma)),
            None => ReadGuard::lock_under_mmap(self.read(), MmapGuard::lookup, addr),
        }
    }
    /// Like [`lock_vma()`](Self::lock_vma), but does not wait for the mmap lock when the task is
    /// being killed.
    ///
    /// # Errors
    ///
    /// `EINTR` if a fatal signal arrived while waiting. Nothing is held then.
    #[inline]
    pub fn lock_vma_killable(&mut self, addr: usize) -> Result<Option<ReadGuard<'_>>> {
        match VmaGuard::lock_under_rcu(self.mm, addr) {
            Some(vma) => Ok(Some(ReadGuard::of_vma(vma))),
            None => {
                let mmap = self.read_killable()?;
                Ok(ReadGuard::lock_under_mmap(mmap, MmapGuard::lookup, addr))
            }
        }
    }

    /// Read-locks the first VMA that ends above `addr` (C: `lock_next_vma()`).
    ///
    /// To visit the VMAs of an address space without blocking all of it, start at 0 and continue at
    /// the end of the last VMA, as a [`cursor()`](Self::cursor) does. VMAs are locked one at a
    /// time, so the result is not a consistent snapshot. It is guaranteed that:
    ///
    /// - The VMA ends above `addr`. It may begin below, if it was enlarged concurrently.
    /// - If it begins above `addr`, there was a moment during the call at which nothing was mapped
    ///   between the two.
    ///
    /// If the VMA lock cannot be taken without the mmap lock, the mmap lock is taken first and
    /// exchanged for the VMA lock, as in [`lock_vma()`](Self::lock_vma). Without
    /// `CONFIG_PER_VMA_LOCK` the guard keeps the mmap lock.
    ///
    /// # Errors
    ///
    /// `EINTR` if a fatal signal arrived while waiting for the mmap lock. Nothing is held then.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::mm::{vma::VmaFlag, MmWithUser};
    /// # use kernel::prelude::*;
    ///
    /// /// How much of the address space is writable, in bytes; page faults of others go on.
    /// fn writable(mm: &MmWithUser) -> Result<usize> {
    ///     let mut locks = mm.vma_locks();
    ///     let (mut addr, mut sum) = (0, 0);
    ///     while let Some(vma) = locks.lock_next_vma(addr)? {
    ///         if vma.flags().contains(VmaFlag::WRITE) {
    ///             sum += vma.end() - vma.start().max(addr);
    ///         }
    ///         addr = vma.end();
    ///     }
    ///     Ok(sum)
    /// }
    /// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
    /// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
    /// # assert_eq!(writable(current!().mm().ok_or(EINVAL)?)?, 0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn lock_next_vma(&mut self, addr: usize) -> Result<Option<ReadGuard<'_>>> {
        lock_next(self.mm, addr)
    }
}
