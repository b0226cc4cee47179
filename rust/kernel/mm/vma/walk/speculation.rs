// SPDX-License-Identifier: GPL-2.0

//! To look without a lock, and to find out afterwards whether that was allowed.
//!
//! `mm_lock_seq` counts each time the mmap write lock is taken and released. Who reads it before
//! and after, and finds the same even number, knows that nobody had the mmap write lock in between:
//! the tree was not changed, nor was what is written under that lock in any VMA. What was seen is
//! then as good as if it had been seen under the mmap read lock. If the numbers differ it can be
//! anything, even parts of VMAs of other processes, and has to be thrown away.
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
    /// `None` while somebody has the mmap write lock; always, without `CONFIG_PER_VMA_LOCK`.
    #[inline]
    pub(super) fn try_begin(mm: &MmWithUser) -> Option<Self> {
        let mut seq = Self(0);

        seq.try_begin_again(mm).then_some(seq)
    }

    /// The same in place. An `Option` of two words would be made and taken apart again.
    #[inline]
    fn try_begin_again(&mut self, mm: &MmWithUser) -> bool {
        // SAFETY: The mm is alive.
        unsafe { bindings::mmap_lock_speculate_try_begin(mm.as_raw(), &mut self.0) }
    }

    /// Whether somebody has had the mmap write lock since.
    #[inline]
    pub(super) fn must_retry(self, mm: &MmWithUser) -> bool {
        // SAFETY: The mm is alive.
        unsafe { bindings::mmap_lock_speculate_retry(mm.as_raw(), self.0) }
    }
}

/// Why nothing can be said without a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeculationError {
    /// Somebody has the mmap write lock, so there was no point in looking. Always, in a kernel
    /// without `CONFIG_PER_VMA_LOCK`.
    WriteLocked,

    /// Somebody got the mmap write lock meanwhile. What the closure has returned was thrown away.
    Changed,
}

/// As an [`Error`], both are `EAGAIN`: take the mmap lock, or try again.
impl From<SpeculationError> for Error {
    #[inline]
    fn from(_: SpeculationError) -> Error {
        code::EAGAIN
    }
}

/// A look at an address space without a lock. Lent to the closure of [`VmaLocks::speculate()`].
pub struct Speculation<'r> {
    mm: &'r MmWithUser,
    seq: MmapSeq,
    rcu: &'r rcu::Guard,
    _nts: NotThreadSafe,
}

/// A VMA that is looked at without a lock.
///
/// All that it says is a guess until [`VmaLocks::speculate()`] has returned it: it may be gone, and
/// its memory may be another VMA, of whatever process, by now.
#[derive(Clone, Copy)]
pub struct SpeculativeVma<'r>(UnstableVma<'r>);

impl VmaLocks<'_> {
    /// Runs `look` without a lock, and returns what it returns if that can be trusted
    /// (C: `mmap_lock_speculate_try_begin()`, `mmap_lock_speculate_retry()`).
    ///
    /// `look` runs once, inside an RCU read-side critical section: it must not sleep. What it sees
    /// may be nonsense, so it must not act on it, but return it; and if it loops it should ask
    /// [`must_retry()`](Speculation::must_retry) now and then, and give up.
    ///
    /// # Errors
    ///
    /// See [`SpeculationError`]. To take the mmap lock is what to do then; trying again and again
    /// need not come to an end.
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
    /// Whether it is clear already that the result will be thrown away
    /// (C: `mmap_lock_speculate_retry()`).
    #[inline]
    pub fn must_retry(&self) -> bool {
        self.seq.must_retry(self.mm)
    }

    /// The VMA that contains `addr`, or so it seems (C: `vma_lookup()` under RCU).
    #[inline]
    pub fn lookup(&self, addr: usize) -> Option<SpeculativeVma<'_>> {
        UnstableVma::find(self.mm, self.rcu, addr).map(SpeculativeVma)
    }
}

impl SpeculativeVma<'_> {
    /// Where it begins (C: `vm_start`).
    #[doc(alias = "vm_start")]
    #[inline]
    pub fn start(&self) -> usize {
        // SAFETY: By the invariants of `UnstableVma` this is memory of a `vm_area_struct`. A
        // volatile load of an aligned word gives some value that was written, which is all that is
        // promised. This holds for all methods here.
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

    /// Where it ends, exclusively (C: `vm_end`).
    #[doc(alias = "vm_end")]
    #[inline]
    pub fn end(&self) -> usize {
        // SAFETY: See `start()`.
        unsafe {
            addr_of!((*self.0.as_raw()).__bindgen_anon_1.__bindgen_anon_1.vm_end).read_volatile()
        }
    }

    /// Where it starts in its file, in pages (C: `vm_pgoff`).
    #[doc(alias = "vm_pgoff")]
    #[inline]
    pub fn pgoff(&self) -> usize {
        // SAFETY: See `start()`.
        unsafe { addr_of!((*self.0.as_raw()).vm_pgoff).read_volatile() }
    }

    /// Its flags (C: `vm_flags`).
    #[doc(alias = "vm_flags")]
    #[inline]
    pub fn flags(&self) -> VmaFlags {
        // SAFETY: See `start()`.
        VmaFlags::from_word(unsafe {
            addr_of!((*self.0.as_raw()).__bindgen_anon_2.vm_flags).read_volatile()
        })
    }

    /// Whether it maps a file (C: `vm_file != NULL`).
    #[doc(alias = "vm_file")]
    #[inline]
    pub fn has_file(&self) -> bool {
        // SAFETY: See `start()`. The file itself is not touched.
        !unsafe { addr_of!((*self.0.as_raw()).vm_file).read_volatile() }.is_null()
    }
}
