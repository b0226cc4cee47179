// SPDX-License-Identifier: GPL-2.0

//! All locks of a VMA at once, as the kernel takes them to change its extent or to move its page
//! tables.
//!
//! Neither is offered here, because locks are not enough for it. The locks exclude every task that
//! finds the VMA through a reverse mapping.
//!
//! C source: `take_rmap_locks()` in [`mm/mremap.c`](srctree/mm/mremap.c), `vma_prepare()` in
//! [`mm/vma.c`](srctree/mm/vma.c)

use super::{
    super::{
        level::{
            Level,
            RmapWrite,
            VmaWrite,
            WriteMost, //
        },
        order::{
            After,
            IMmapLock,
            LockClass,
            LockOrder, //
        },
        Vma, //
    },
    anon_vma::AnonVmaWriteGuard,
    i_mmap::{
        IMmap,
        IMmapWriteGuard, //
    }, //
};
use core::ops::Deref;

/// Holds the write locks of the reverse mappings of a VMA, under its mmap and VMA write locks.
///
/// It dereferences to a view at the level [`RmapWrite`]. Dropping it releases the reverse-mapping
/// locks, the anonymous one first. If it is leaked ([`core::mem::forget`]) they stay taken; see
/// [`IMmapGuard`](super::IMmapGuard) and [`AnonVmaGuard`](super::AnonVmaGuard).
///
/// # Invariants
///
/// `i_mmap` is the lock of the VMA's file, and `None` if it has no file; `anon_vma` is the lock of
/// its anonymous reverse mapping, and `None` if it has none. The VMA does not get one while this
/// lives: `__anon_vma_prepare()` is called under the mmap lock, by page faults of other tasks and
/// by [`Vma::anon_vma_prepare()`] in read mode, which the mmap write lock excludes.
#[must_use = "the reverse-mapping locks are released as soon as the guard is dropped"]
pub struct RmapWriteGuard<'w> {
    vma: &'w Vma<VmaWrite>,
    // The order of these two is that of release.
    anon_vma: Option<AnonVmaWriteGuard<'w>>,
    i_mmap: Option<IMmapWriteGuard<'w>>,
}

impl<L: Level> Vma<L> {
    /// Write-locks the reverse mappings of this VMA (C: `take_rmap_locks()`).
    ///
    /// Hides the VMA from tasks that find it by its pages. Sleeps, uninterruptibly, while another
    /// task holds one of the locks. Only one VMA at a time can be locked this way, because two VMAs
    /// can share a lock.
    #[doc(alias = "take_rmap_locks")]
    #[inline]
    pub fn lock_rmap<'a, H: LockClass>(
        &'a self,
        _order: &'a mut LockOrder<'_, H>,
    ) -> RmapWriteGuard<'a>
    where
        L: WriteMost,
        IMmapLock: After<H>,
    {
        let i_mmap = self
            .file()
            .map(|file| IMmap::of(file).lock_write_after::<H>());
        // A VMA gets an `anon_vma` under the mmap read lock, which is excluded, and loses it under
        // these locks.
        let anon_vma = self
            .anon_vma()
            .map(|anon_vma| anon_vma.lock_write_after::<IMmapLock>());

        // INVARIANT: The locks of the reverse mappings that there are were just taken.
        RmapWriteGuard {
            // SAFETY: `L: WriteMost` holds what `VmaWrite` stands for.
            vma: unsafe { Vma::from_raw(self.as_raw()) },
            anon_vma,
            i_mmap,
        }
    }
}

impl RmapWriteGuard<'_> {
    /// Returns the lock of the file's mappings, if the VMA has a file.
    #[inline]
    pub fn i_mmap(&self) -> Option<&IMmapWriteGuard<'_>> {
        self.i_mmap.as_ref()
    }

    /// Returns the lock of the anonymous reverse mapping, if the VMA has one.
    #[inline]
    pub fn anon_vma_lock(&self) -> Option<&AnonVmaWriteGuard<'_>> {
        self.anon_vma.as_ref()
    }
}

impl Deref for RmapWriteGuard<'_> {
    type Target = Vma<RmapWrite>;

    #[inline]
    fn deref(&self) -> &Vma<RmapWrite> {
        // SAFETY: The mmap and VMA write locks are held by the level of `vma`, and by the type
        // invariants the rmap write locks are, for as long as the guard lives, which the view
        // borrows.
        unsafe { Vma::from_raw(self.vma.as_raw()) }
    }
}
