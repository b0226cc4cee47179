// SPDX-License-Identifier: GPL-2.0

//! One VMA lock after the other, without the mmap lock.
//!
//! # How it stays correct
//!
//! The tree of VMAs is read under RCU, so it can change between finding a VMA and locking it.
//! `lock_next_vma()` notices that in three ways, and each of them makes it look again, at last
//! under the mmap read lock:
//!
//! - The VMA was detached: its `vm_refcnt` is zero, and it cannot be locked.
//! - It was moved behind the cursor: it ends at or below the address that was asked for.
//! - It begins above that address, and `mm_lock_seq` says that somebody has had the mmap write lock
//!   meanwhile: something may have been mapped in between, or the VMA may have been larger. The
//!   tree is searched a second time.
//!
//! That is enough for a search from the root, and not for one that goes on from a place in the
//! tree. By then the VMA at that place may have been split, after it was found and before it was
//! locked, or the VMA behind it may have given some of its range to it, in the same node of the
//! tree: what is next has nothing to do with the address any more. And nobody has had the mmap
//! write lock *since* the search went on. So if something seems to be missing, that is, there is a
//! gap before what was found, or nothing was found, the cursor wants to know that nobody has had
//! that lock since its last search from the root, or it makes another one. (`/proc/pid/maps` does
//! not do so, and shows a gap now and then where there is none.)
//!
//! A writer that is at work on the VMA itself is waited for, by way of the mmap lock.
//!
//! C source: [`mm/mmap_lock.c`](srctree/mm/mmap_lock.c); its other user is `/proc/pid/maps`, in
//! [`fs/proc/task_mmu.c`](srctree/fs/proc/task_mmu.c).

use super::{
    level::Read,
    mmap_guard::MmapReadGuard,
    read_guard::ReadGuard,
    vma_guard::VmaReadGuard,
    Vma,
    VmaLocks, //
};
use crate::{
    bindings,
    error::{
        to_result,
        Result, //
    },
    mm::MmWithUser, //
};

#[cfg(not(CONFIG_PER_VMA_LOCK))]
mod mmap_walk;
#[cfg(CONFIG_PER_VMA_LOCK)]
mod rcu_walk;

#[cfg(not(CONFIG_PER_VMA_LOCK))]
pub(super) use self::mmap_walk::Walk;
#[cfg(CONFIG_PER_VMA_LOCK)]
pub(super) use self::rcu_walk::Walk;

/// Locks the VMAs of an address space in the order of their addresses, one at a time.
///
/// Made by [`VmaLocks::cursor()`].
pub struct VmaCursor<'s> {
    // Unlocked before RCU is left. There is one of the two at most: almost always the first, which
    // need not remember which lock it is.
    locked: Option<VmaReadGuard<'s>>,
    waited: Option<ReadGuard<'s>>,
    walk: Walk<'s>,
    addr: usize,
}

/// How many VMAs were locked in which way; see [`VmaCursor::lock_next_counted()`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockCounts {
    /// Without the mmap lock, while nobody wrote to the address space.
    pub rcu: u64,

    /// Without the mmap lock, while somebody did: what was found had to be looked at again, unless
    /// it was found at the very address that was asked for.
    pub retried: u64,

    /// Under the mmap read lock, which was then handed over to the VMA lock if there are such.
    pub mmap_lock: u64,
}

impl VmaLocks<'_> {
    /// Starts at `addr` to visit VMAs, each locked by itself (C: `lock_next_vma()`).
    ///
    /// The cursor remembers its place in the tree, so that each step costs the same however many
    /// VMAs there are. To that end it is inside an RCU read-side critical section for as long as it
    /// lives: nothing may sleep but [`lock_next()`](VmaCursor::lock_next) itself. Who has to sleep
    /// drops the cursor, and makes another one at its [`addr()`](VmaCursor::addr), or uses
    /// [`lock_next_vma()`](Self::lock_next_vma), which searches from the root each time.
    ///
    /// Without `CONFIG_PER_VMA_LOCK` each VMA is visited under the mmap read lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::mm::MmWithUser;
    ///
    /// /// The largest mapping in bytes; page faults, `mmap()` and `munmap()` go on meanwhile.
    /// fn largest(mm: &MmWithUser) -> Result<usize> {
    ///     let mut locks = mm.vma_locks();
    ///     let mut cursor = locks.cursor(0);
    ///     let mut largest = 0;
    ///     while let Some(vma) = cursor.lock_next()? {
    ///         largest = largest.max(vma.end() - vma.start());
    ///     }
    ///     Ok(largest)
    /// }
    /// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
    /// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
    /// # assert_eq!(largest(current!().mm().ok_or(EINVAL)?)?, 0);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "lock_next_vma")]
    #[inline]
    pub fn cursor(&mut self, addr: usize) -> VmaCursor<'_> {
        VmaCursor {
            locked: None,
            waited: None,
            walk: Walk::new(self.mm(), addr),
            addr,
        }
    }
}

impl VmaCursor<'_> {
    /// Where the next VMA is looked for: at the end of the last one.
    #[inline]
    pub fn addr(&self) -> usize {
        self.addr
    }

    /// Unlocks the VMA and read-locks the next one.
    ///
    /// `None` if there is no more. What is seen is no picture of one moment. But:
    ///
    /// - Each VMA ends above the end of the one before. It may begin below that, if it was enlarged
    ///   meanwhile.
    /// - If it begins above, there was a moment during the call at which nothing was mapped between
    ///   the two.
    ///
    /// May sleep for the mmap lock.
    ///
    /// # Errors
    ///
    /// `EINTR` if a fatal signal arrived while waiting for the mmap lock. No VMA is locked then.
    #[inline]
    pub fn lock_next(&mut self) -> Result<Option<&Vma<Read>>> {
        self.unlock();
        match self.walk.try_lock_next(self.addr) {
            Ok(Some(vma)) => {
                self.addr = vma.end();
                // There was none: nothing has to be dropped.
                core::mem::forget(self.locked.replace(vma));
            }
            Ok(None) => {}
            Err(e) => {
                self.waited = self.walk.lock_under_mmap_lock(self.addr, e)?;
                if let Some(vma) = &self.waited {
                    self.addr = vma.end();
                }
            }
        }

        Ok(self.vma())
    }

    #[inline]
    fn unlock(&mut self) {
        match self.locked.take() {
            Some(vma) => drop(vma),
            None => self.waited = None,
        }
    }

    /// The VMA that is locked.
    #[inline]
    fn vma(&self) -> Option<&Vma<Read>> {
        match &self.locked {
            Some(vma) => Some(vma.as_read()),
            None => self.waited.as_deref(),
        }
    }

    /// Like [`lock_next()`](Self::lock_next), and counts how the VMA was locked.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::mm::{vma::LockCounts, MmWithUser};
    ///
    /// /// How often the VMAs of `mm` can be locked without the mmap lock.
    /// fn count(mm: &MmWithUser) -> Result<LockCounts> {
    ///     let mut counts = LockCounts::default();
    ///     let mut locks = mm.vma_locks();
    ///     let mut cursor = locks.cursor(0);
    ///     while cursor.lock_next_counted(&mut counts)?.is_some() {}
    ///     Ok(counts)
    /// }
    /// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
    /// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
    /// # assert_eq!(count(current!().mm().ok_or(EINVAL)?)?, LockCounts::default());
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn lock_next_counted(&mut self, counts: &mut LockCounts) -> Result<Option<&Vma<Read>>> {
        let before = self.walk.before();
        if self.lock_next()?.is_some() {
            self.walk.count(before, counts);
        }

        Ok(self.vma())
    }
}

/// Takes the mmap read lock, and exchanges it for that of the first VMA that ends above `addr` if
/// there are such locks. For walks alone, which borrow the lock scope for `'s`.
fn lock_under_mmap_lock<'s>(mm: &'s MmWithUser, addr: usize) -> Result<Option<ReadGuard<'s>>> {
    // SAFETY: `mm_users` is non-zero for 's.
    to_result(unsafe { bindings::mmap_read_lock_killable(mm.as_raw()) })?;
    // SAFETY: The mmap read lock was just taken, and the guard gets it. The lock scope, of which
    // there is no other guard, is borrowed for 's.
    let mmap = unsafe { MmapReadGuard::from_held(mm) };

    Ok(ReadGuard::lock_under_mmap(
        mmap,
        MmapReadGuard::find_vma,
        addr,
    ))
}
