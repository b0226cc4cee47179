// SPDX-License-Identifier: GPL-2.0

//! Memory that a driver keeps for user space, charged as memory that is locked.
//!
//! `locked_vm` is the counter of `mlock()`, `VmLck` in `/proc/PID/status`. Some drivers charge what
//! they pin to it, such as VFIO. It is another one than `pinned_vm`, to which pages that are pinned
//! for a long term are charged already; each has the whole limit.

use crate::{
    bindings,
    error::to_result,
    mm::{
        vma::VmaLocks,
        Mm, //
    },
    page::PAGE_SHIFT,
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

/// A number of pages that are charged to an address space as locked, until this is dropped
/// (C: `account_locked_vm()`).
///
/// Dropping it takes the mmap lock for writing, and sleeps for that. So it must not be dropped
/// while a lock of the address space is held, which lockdep reports. If it is leaked
/// ([`core::mem::forget`]) the pages stay charged until the address space ends.
///
/// # Examples
///
/// ```
/// use kernel::{
///     mm::{vma::pin::LockedVm, MmWithUser},
///     prelude::*, //
/// };
///
/// fn charge(mm: &MmWithUser) -> Result<LockedVm> {
///     LockedVm::charge(&mut mm.vma_locks(), 2)
/// }
/// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
/// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
/// # assert_eq!(charge(current!().mm().ok_or(EINVAL)?)?.pages(), 2);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// `pages` of `locked_vm` of `mm` are this charge.
pub struct LockedVm {
    mm: ARef<Mm>,
    pages: usize,
}

impl LockedVm {
    /// Charges pages, unless that would exceed `RLIMIT_MEMLOCK` of the current task.
    ///
    /// Takes the mmap lock for writing. Sleeps for that.
    ///
    /// # Errors
    ///
    /// `ENOMEM` beyond the limit, if the task does not have `CAP_IPC_LOCK`, or if there is no such
    /// amount of memory.
    #[doc(alias = "account_locked_vm")]
    pub fn charge(locks: &mut VmaLocks<'_>, pages: usize) -> Result<Self> {
        let mm = locks.mm();
        // The function adds without a check.
        if pages > usize::MAX >> PAGE_SHIFT {
            return Err(ENOMEM);
        }

        // SAFETY: The mm is alive, and the mutable borrow of the scope says that the task holds no
        // lock of it.
        to_result(unsafe { bindings::account_locked_vm(mm.as_raw(), pages, true) })?;
        // INVARIANT: They were charged.
        Ok(Self {
            mm: ARef::from(&**mm),
            pages,
        })
    }

    /// Charges pages as [`charge()`](Self::charge) does, but by the limit of another task: of the
    /// one that owns what they are for.
    ///
    /// Takes the mmap lock for writing. Sleeps for that.
    ///
    /// # Errors
    ///
    /// `ENOMEM` beyond the limit of `task`, if the current task does not have `CAP_IPC_LOCK`, or
    /// if there is no such amount of memory; `EINTR` if a fatal signal arrived.
    #[doc(alias = "__account_locked_vm")]
    pub fn charge_by_limit_of(task: &Task, locks: &mut VmaLocks<'_>, pages: usize) -> Result<Self> {
        let mm = locks.mm();
        // The function adds without a check.
        if pages > usize::MAX >> PAGE_SHIFT {
            return Err(ENOMEM);
        }
        // SAFETY: This is a capability, and may be asked for in any task.
        let is_capable = unsafe { bindings::capable(bindings::CAP_IPC_LOCK as i32) };

        let guard = locks.write_killable()?;
        // SAFETY: The mm is alive, and its lock held for writing. A task has its limits until it is
        // freed, also when it has exited.
        to_result(unsafe {
            bindings::__account_locked_vm(mm.as_raw(), pages, true, task.as_ptr(), is_capable)
        })?;
        drop(guard);
        // INVARIANT: They were charged.
        Ok(Self {
            mm: ARef::from(&**mm),
            pages,
        })
    }

    /// Returns the number of pages.
    #[inline]
    pub fn pages(&self) -> usize {
        self.pages
    }
}

impl Drop for LockedVm {
    fn drop(&mut self) {
        // SAFETY: The mm is alive, and by the type invariants the pages are charged. To give up a
        // charge does not fail.
        unsafe { bindings::account_locked_vm(self.mm.as_raw(), self.pages, false) };
    }
}
