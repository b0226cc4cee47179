// SPDX-License-Identifier: GPL-2.0

//! The guard of one VMA by a read lock: that of the VMA, or the mmap lock where that fails.
//!
//! A driver that reads one VMA does not depend on which of the two protects it. C code that tries
//! the VMA lock first has to remember which lock it took, and release that one. The guard remembers
//! it in the lowest bit of its pointer.

use super::{
    super::{
        level::{
            MmapRead,
            Read, //
        },
        Vma, //
    },
    mmap_guard::MmapGuard,
    order::{
        LockOrder,
        VmaLock, //
    },
    vma_guard::VmaGuard, //
};
use crate::{
    bindings,
    mm::MmWithUser,
    types::NotThreadSafe, //
};
use core::{
    hint::assert_unchecked,
    marker::PhantomData,
    mem,
    num::NonZeroUsize,
    ops::Deref,
    ptr::NonNull, //
};

/// The lock that a [`ReadGuard`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldLock {
    /// The read lock of the VMA. It does not block the rest of the address space.
    Vma,

    /// The read lock of the whole address space.
    Mmap,
}

/// Holds one VMA by a read lock, its own or that of its address space.
///
/// It dereferences to a view at the level [`Read`]. Dropping it releases whichever lock it holds.
/// If it is leaked ([`core::mem::forget`]) that lock stays taken; see [`VmaGuard`] and
/// [`MmapGuard`](super::MmapGuard).
///
/// # Invariants
///
/// `tagged` is the address of a `vm_area_struct`, plus `MMAP_LOCKED` if what
/// this guard holds is the mmap read lock of its `mm_struct`; else it is the VMA's read lock. The
/// task that has the guard took the lock. `mm_users` of the `mm_struct` is non-zero for `'s`.
#[must_use = "the read lock is released as soon as the guard is dropped"]
pub struct ReadGuard<'s> {
    tagged: NonNull<bindings::vm_area_struct>,
    // The borrow of the lock scope.
    _scope: PhantomData<&'s MmWithUser>,
    // Both locks are released by the task that took them.
    _nts: NotThreadSafe,
}

impl<'s> ReadGuard<'s> {
    /// The tag of a guard that holds the mmap read lock. A VMA's address leaves that bit free.
    const MMAP_LOCKED: usize = 1;

    /// Makes the guard of a VMA read lock. `guard` must be the only guard of its lock scope, which
    /// is borrowed mutably for `'s`.
    #[inline]
    pub(in crate::mm::vma) fn of_vma(guard: VmaGuard<'s>) -> Self {
        let vma = guard.into_raw();

        // SAFETY: It is the address of a `vm_area_struct`, which is aligned to more than that. Who
        // knows it need not look at the tag of a guard that was just made.
        unsafe { assert_unchecked(vma.addr().get() & Self::MMAP_LOCKED == 0) };

        // INVARIANT: The VMA read lock goes from `guard` to the new guard; the tag bit of an
        // aligned address is clear.
        Self {
            tagged: vma,
            _scope: PhantomData,
            _nts: NotThreadSafe,
        }
    }

    /// Exchanges the mmap read lock for the read lock of the VMA that `find` finds for `addr`, or
    /// keeps it where that fails.
    ///
    /// Returns `None`, with the mmap lock released, if there is no such VMA.
    #[inline]
    pub(in crate::mm::vma) fn lock_under_mmap(
        mmap: MmapGuard<'s, MmapRead>,
        find: for<'m> fn(&'m MmapGuard<'s, MmapRead>, usize) -> Option<&'m Vma<MmapRead>>,
        addr: usize,
    ) -> Option<Self> {
        let vma = find(&mmap, addr)?;

        // SAFETY: The VMA belongs to `mmap.mm()`, which has non-zero `mm_users` for 's.
        if let Ok(vma) = unsafe { VmaGuard::<'s>::lock_held(Some(vma)) } {
            return Some(Self::of_vma(vma));
        }

        let tagged = vma.as_non_null().map_addr(|addr| addr | NonZeroUsize::MIN);
        // The lock goes on to the new guard.
        mem::forget(mmap);

        // INVARIANT: The guard that was forgotten held the mmap read lock of the VMA's mm, taken
        // by this task, and was bounded by 's. The tag says so.
        Some(Self {
            tagged,
            _scope: PhantomData,
            _nts: NotThreadSafe,
        })
    }

    /// Splits the guard into a view and a token for nested locks.
    ///
    /// A [`VmaGuard`] has no such method: there can be several of one scope, and each would claim
    /// that the VMA lock is the innermost, whatever is taken under another.
    #[inline]
    pub fn nest(&mut self) -> (&Vma<Read>, LockOrder<'_, VmaLock>) {
        (self, LockOrder::holding())
    }

    /// Returns which lock is held.
    #[inline]
    pub fn held(&self) -> HeldLock {
        if cfg!(CONFIG_PER_VMA_LOCK) && self.tagged.addr().get() & Self::MMAP_LOCKED == 0 {
            HeldLock::Vma
        } else {
            HeldLock::Mmap
        }
    }

    #[inline]
    fn vma(&self) -> *mut bindings::vm_area_struct {
        self.tagged
            .as_ptr()
            .map_addr(|addr| addr & !Self::MMAP_LOCKED)
    }
}

impl Deref for ReadGuard<'_> {
    type Target = Vma<Read>;

    #[inline]
    fn deref(&self) -> &Vma<Read> {
        // SAFETY: By the type invariants the mmap read lock or the VMA read lock is held for as
        // long as the guard lives, which the view borrows.
        unsafe { Vma::from_raw(self.vma()) }
    }
}

impl Drop for ReadGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        let vma = self.vma();

        match self.held() {
            // SAFETY: By the type invariants the VMA read lock is held by this task and the mm is
            // alive; views borrowed the guard and are gone.
            HeldLock::Vma => unsafe { bindings::vma_end_read(vma) },
            // SAFETY: By the type invariants the mmap read lock is held by this task. It keeps the
            // VMA attached until it is released, and the mm, which `vm_mm` names, is alive after
            // that.
            HeldLock::Mmap => unsafe { bindings::mmap_read_unlock((*vma).vm_mm) },
        }
    }
}

const _: () = assert!(align_of::<bindings::vm_area_struct>() > ReadGuard::MMAP_LOCKED);
