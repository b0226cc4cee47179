// SPDX-License-Identifier: GPL-2.0

//! Lockless reads, validated by the mmap sequence count.
//!
//! `mm_lock_seq` counts each time the mmap write lock is taken and released. If a reader finds the
//! same even number before and after, no task held the mmap write lock in between: neither the tree
//! nor a field that is written under that lock has changed. The values are then as valid as if they
//! had been read under the mmap read lock. If the numbers differ the values are arbitrary, possibly
//! parts of VMAs of other processes, and must be discarded.
//!
//! C header: [`include/linux/mmap_lock.h`](srctree/include/linux/mmap_lock.h); a user is
//! `find_active_uprobe_speculative()` in
//! [`kernel/events/uprobes.c`](srctree/kernel/events/uprobes.c).

use super::{
    super::{
        VmaFlags,
        VmaLocks, //
    },
    UnstableVma, //
};
use crate::{
    bindings,
    error::{
        code,
        Error, //
    },
    mm::MmWithUser,
    sync::rcu,
    types::NotThreadSafe, //
};
use core::ptr::addr_of;

/// An even `mm_lock_seq`.
#[derive(Clone, Copy)]
pub(super) struct MmapSeq(u32);

impl MmapSeq {
    /// Returns `None` while a task holds the mmap write lock, and always without
    /// `CONFIG_PER_VMA_LOCK`.
    #[inline]
    pub(super) fn try_begin(mm: &MmWithUser) -> Option<Self> {
        let mut seq = Self(0);

        seq.try_begin_again(mm).then_some(seq)
    }

    /// Like `try_begin()`, in place, because an `Option` would be built and taken apart again.
    #[inline]
    fn try_begin_again(&mut self, mm: &MmWithUser) -> bool {
        // SAFETY: The mm is alive.
        unsafe { bindings::mmap_lock_speculate_try_begin(mm.as_raw(), &mut self.0) }
    }

    /// Returns whether a task has held the mmap write lock since.
    #[inline]
    pub(super) fn must_retry(self, mm: &MmWithUser) -> bool {
        // SAFETY: The mm is alive.
        unsafe { bindings::mmap_lock_speculate_retry(mm.as_raw(), self.0) }
    }
}

/// Error of a lockless read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeculationError {
    /// Somebody has the mmap write lock, so there was no point in looking. Always, in a kernel
    /// without `CONFIG_PER_VMA_LOCK`.
    WriteLocked,

    /// A task took the mmap write lock concurrently. The result of the closure was discarded.
    Changed,
}

/// As an [`Error`], both are `EAGAIN`: take the mmap lock, or retry.
impl From<SpeculationError> for Error {
    #[inline]
    fn from(_: SpeculationError) -> Error {
        code::EAGAIN
    }
}

/// Lockless access to an address space. Lent to the closure of [`VmaLocks::speculate()`].
pub struct Speculation<'r> {
    mm: &'r MmWithUser,
    seq: MmapSeq,
    rcu: &'r rcu::Guard,
    _nts: NotThreadSafe,
}

/// A VMA that is read without a lock.
///
/// Its values are valid only after [`VmaLocks::speculate()`] has returned them: the VMA may already
/// be freed, and its memory reused for a VMA of any process.
#[derive(Clone, Copy)]
pub struct SpeculativeVma<'r>(UnstableVma<'r>);

impl VmaLocks<'_> {
    /// Runs `look` without a lock, and returns its result if that is valid (C:
    /// `mmap_lock_speculate_try_begin()`, `mmap_lock_speculate_retry()`).
    ///
    /// `look` runs once, inside an RCU read-side critical section, so it must not sleep. The values
    /// that it reads may be arbitrary, so it must only return them. A loop should call
    /// [`must_retry()`](Speculation::must_retry) regularly, and stop if that returns true.
    ///
    /// # Errors
    ///
    /// See [`SpeculationError`]. Fall back to the mmap lock: retrying is not guaranteed to make
    /// progress.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::mm::{vma::VmaFlags, MmWithUser};
    ///
    /// /// What is at `addr`. As a rule that takes no lock.
    /// fn flags(mm: &MmWithUser, addr: usize) -> Option<VmaFlags> {
    ///     let mut locks = mm.vma_locks();
    ///     locks
    ///         .speculate(|mm| mm.lookup(addr).map(|vma| vma.flags()))
    ///         .unwrap_or_else(|_| locks.read().lookup(addr).map(|vma| vma.flags()))
    /// }
    /// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
    /// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
    /// # assert!(flags(current!().mm().ok_or(EINVAL)?, 0).is_none());
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "mmap_lock_speculate_try_begin")]
    #[doc(alias = "mmap_lock_speculate_retry")]
    #[inline]
    pub fn speculate<T>(
        &self,
        look: impl FnOnce(&Speculation<'_>) -> T,
    ) -> Result<T, SpeculationError> {
        let rcu = rcu::read_lock();
        let mut seq = MmapSeq(0);
        if !seq.try_begin_again(self.mm()) {
            return Err(SpeculationError::WriteLocked);
        }
        let speculation = Speculation {
            mm: self.mm(),
            seq,
            rcu: &rcu,
            _nts: NotThreadSafe,
        };

        let seen = look(&speculation);
        if speculation.must_retry() {
            return Err(SpeculationError::Changed);
        }
        Ok(seen)
    }
}

impl Speculation<'_> {
    /// Returns whether the result will be discarded (C: `mmap_lock_speculate_retry()`).
    #[inline]
    pub fn must_retry(&self) -> bool {
        self.seq.must_retry(self.mm)
    }

    /// Returns the VMA that appears to contain `addr` (C: `vma_lookup()` under RCU).
    #[inline]
    pub fn lookup(&self, addr: usize) -> Option<SpeculativeVma<'_>> {
        UnstableVma::find(self.mm, self.rcu, addr).map(SpeculativeVma)
    }
}

impl SpeculativeVma<'_> {
    /// Returns its first address (C: `vm_start`).
    #[doc(alias = "vm_start")]
    #[inline]
    pub fn start(&self) -> usize {
        // SAFETY: By the invariants of `UnstableVma` this is memory of a `vm_area_struct`. A
        // volatile load of an aligned word returns some value that was written, which is all that
        // is guaranteed. This holds for all methods here.
        unsafe {
            addr_of!(
                (*self.0.as_raw())
                    .__bindgen_anon_1
                    .__bindgen_anon_1
                    .vm_start
            )
            .read_volatile()
        }
    }

    /// Returns the first address after it (C: `vm_end`).
    #[doc(alias = "vm_end")]
    #[inline]
    pub fn end(&self) -> usize {
        // SAFETY: See `start()`.
        unsafe {
            addr_of!((*self.0.as_raw()).__bindgen_anon_1.__bindgen_anon_1.vm_end).read_volatile()
        }
    }

    /// Returns its offset in its file, in pages (C: `vm_pgoff`).
    #[doc(alias = "vm_pgoff")]
    #[inline]
    pub fn pgoff(&self) -> usize {
        // SAFETY: See `start()`.
        unsafe { addr_of!((*self.0.as_raw()).vm_pgoff).read_volatile() }
    }

    /// Returns its flags (C: `vm_flags`).
    #[doc(alias = "vm_flags")]
    #[inline]
    pub fn flags(&self) -> VmaFlags {
        // SAFETY: See `start()`.
        VmaFlags::from_word(unsafe {
            addr_of!((*self.0.as_raw()).__bindgen_anon_2.vm_flags).read_volatile()
        })
    }

    /// Returns whether it maps a file (C: `vm_file != NULL`).
    #[doc(alias = "vm_file")]
    #[inline]
    pub fn has_file(&self) -> bool {
        // SAFETY: See `start()`. The file itself is not touched.
        !unsafe { addr_of!((*self.0.as_raw()).vm_file).read_volatile() }.is_null()
    }
}
