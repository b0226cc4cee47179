// SPDX-License-Identifier: GPL-2.0

//! One VMA lock after the other, without the mmap lock.
//!
//! # Correctness
//!
//! The tree of VMAs is read under RCU, so it can change between the lookup of a VMA and locking it.
//! A search for the first VMA that ends above an address has one of these results:
//!
//! - `lock_vma_under_rcu()` locks a VMA that contains the address. It is the next one, also if the
//!   tree has changed concurrently.
//! - Nothing is mapped at the address, and a VMA behind the gap was locked. It is the next one if
//!   `mm_lock_seq` shows that no task has held the mmap write lock since before the search.
//!   Otherwise something may have been mapped in the gap, or the VMA may have been larger, so the
//!   cursor looks the gap up again with the VMA locked.
//! - Nothing is mapped above the address. The result is accepted only if no task has held the mmap
//!   write lock since.
//!
//! In all other cases the cursor falls back to the mmap read lock, as it does for a VMA that is
//! write-locked: the mmap lock waits for the writer.
//!
//! Each search starts at the root of the tree. The cursor keeps no place in the tree from one VMA
//! to the next, for three reasons: it would be valid only inside one RCU read-side critical
//! section, in which the caller could not sleep; a VMA that was split or enlarged since the place
//! was reached makes `lock_next_vma()` show a gap where there is none, as `/proc/PID/maps` does now
//! and then; and continuing from it is not safe concurrently with a `munmap()` of everything,
//! because `mas_next_slot()` then follows a NULL node.
//!
//! C sources: `lock_vma_under_rcu()` in [`mm/mmap_lock.c`](srctree/mm/mmap_lock.c), and
//! `mas_walk()` in [`lib/maple_tree.c`](srctree/lib/maple_tree.c).

use super::{
    super::{
        level::Read,
        MmapGuard,
        ReadGuard,
        Vma,
        VmaGuard,
        VmaLocks, //
    },
    speculation::MmapSeq, //
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
mod no_vma_lock;
#[cfg(CONFIG_PER_VMA_LOCK)]
mod vma_lock;

#[cfg(not(CONFIG_PER_VMA_LOCK))]
use self::no_vma_lock::try_lock_next;
#[cfg(CONFIG_PER_VMA_LOCK)]
use self::vma_lock::try_lock_next;

/// The next VMA cannot be found or locked without the mmap lock.
struct NeedsMmapLock;

/// Locks the VMAs of an address space in the order of their addresses, one at a time.
///
/// Made by [`VmaLocks::cursor()`]. Dropping it unlocks the VMA. If it is leaked the VMA stays
/// locked; see [`VmaGuard`].
pub struct VmaCursor<'s> {
    // At most one of the two is set: almost always the first, which need not remember which lock
    // it is.
    locked: Option<VmaGuard<'s>>,
    waited: Option<ReadGuard<'s>>,
    mm: &'s MmWithUser,
    addr: usize,
    // There was a gap before the last VMA, so there may be one behind it.
    gap: bool,
}

/// The number of VMAs locked in each way; see [`VmaCursor::lock_next_counted()`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockCounts {
    /// Without the mmap lock, and without a concurrent writer to the address space.
    pub rcu: u64,

    /// Without the mmap lock, concurrently with a writer: the gap before the VMA was looked up
    /// again.
    pub retried: u64,

    /// Under the mmap read lock, which was then handed over to the VMA lock if there are such.
    pub mmap_lock: u64,
}

impl VmaLocks<'_> {
    /// Starts at `addr` to visit VMAs, locked one at a time (C: `lock_next_vma()`).
    ///
    /// The caller may sleep between the steps. While a VMA is locked, writers to that VMA wait, and
    /// so do all later waiters for the mmap lock.
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
        VmaCursor::new(self.mm(), addr)
    }
}

impl<'s> VmaCursor<'s> {
    /// For lock scopes alone, which are borrowed mutably for `'s`.
    #[inline]
    pub(in crate::mm::vma) fn new(mm: &'s MmWithUser, addr: usize) -> Self {
        Self {
            locked: None,
            waited: None,
            mm,
            addr,
            gap: false,
        }
    }

    /// Returns the address from which the next VMA is searched: the end of the last one.
    #[inline]
    pub fn addr(&self) -> usize {
        self.addr
    }

    /// Unlocks the VMA and read-locks the next one.
    ///
    /// Returns `None` after the last VMA. VMAs are locked one at a time, so the result is not a
    /// consistent snapshot. It is guaranteed that:
    ///
    /// - Each VMA ends above the end of the one before. It may begin below that, if it was enlarged
    ///   concurrently.
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
        match try_lock_next(self.mm, self.addr, self.gap) {
            Ok(Some(vma)) => {
                self.gap = vma.start() > self.addr;
                self.addr = vma.end();
                // There was no guard, so there is nothing to drop.
                core::mem::forget(self.locked.replace(vma));
            }
            Ok(None) => {}
            Err(NeedsMmapLock) => {
                self.waited = lock_under_mmap_lock(self.mm, self.addr)?;
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

    /// Returns the VMA that is locked.
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
        let seq = MmapSeq::try_begin(self.mm);
        if self.lock_next()?.is_some() {
            let count = if self.waited.is_some() {
                &mut counts.mmap_lock
            } else if seq.is_some_and(|seq| !seq.must_retry(self.mm)) {
                &mut counts.rcu
            } else {
                &mut counts.retried
            };
            *count += 1;
        }

        Ok(self.vma())
    }
}

/// Read-locks the first VMA that ends above `addr`. For lock scopes alone, which are borrowed for
/// `'s`.
pub(in crate::mm::vma) fn lock_next(mm: &MmWithUser, addr: usize) -> Result<Option<ReadGuard<'_>>> {
    match try_lock_next(mm, addr, false) {
        Ok(vma) => Ok(vma.map(ReadGuard::of_vma)),
        Err(NeedsMmapLock) => lock_under_mmap_lock(mm, addr),
    }
}

/// Takes the mmap read lock, and exchanges it for that of the first VMA that ends above `addr` if
/// there are such locks. For lock scopes alone, which are borrowed for `'s`.
#[cold]
fn lock_under_mmap_lock<'s>(mm: &'s MmWithUser, addr: usize) -> Result<Option<ReadGuard<'s>>> {
    // SAFETY: `mm_users` is non-zero for 's.
    to_result(unsafe { bindings::mmap_read_lock_killable(mm.as_raw()) })?;
    // SAFETY: The mmap read lock was just taken, and the guard gets it. The lock scope, of which
    // there is no other guard, is borrowed for 's.
    let mmap = unsafe { MmapGuard::from_held(mm) };

    Ok(ReadGuard::lock_under_mmap(mmap, MmapGuard::find_vma, addr))
}
