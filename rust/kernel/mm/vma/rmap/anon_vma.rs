// SPDX-License-Identifier: GPL-2.0

//! The mappings of anonymous memory, and the lock of their tree.
//!
//! C headers: [`include/linux/rmap.h`](srctree/include/linux/rmap.h),
//! [`mm/internal.h`](srctree/mm/internal.h)

use super::{
    super::{
        level::{
            Level,
            MmapHeld,
            Rmap, //
        },
        order::{
            After,
            AnonVmaLock,
            LockClass,
            LockOrder, //
        },
        Vma, //
    },
    tree::{
        rmap_kind,
        ForRead,
        ForWrite,
        Kind,
        Mode,
        RmapGuard,
        RmapTree,
        Sealed, //
    }, //
};
use crate::{
    bindings,
    error::{
        to_result,
        Result, //
    }, //
};
use core::{
    marker::PhantomData,
    ops::RangeInclusive,
    ptr, //
};

rmap_kind! {
    /// The reverse mapping of anonymous memory. Its lock is that of its root, of which it has a
    /// reference.
    OfAnon(anon_vma, AnonVmaLock):
    anon_vma_lock_read, anon_vma_trylock_read, anon_vma_unlock_read,
    anon_vma_lock_write, anon_vma_trylock_write, anon_vma_unlock_write
}

/// The mappings of anonymous memory that may share pages, by fork (C: `struct anon_vma`).
///
/// All that are related by fork have one lock, that of their root.
pub type AnonVma = RmapTree<OfAnon>;

/// Holds the lock of an anonymous reverse mapping, in the mode that `M` says.
pub type AnonVmaGuard<'a, M> = RmapGuard<'a, OfAnon, M>;

/// Holds the lock of an anonymous reverse mapping for reading.
pub type AnonVmaReadGuard<'a> = AnonVmaGuard<'a, ForRead>;

/// Holds the lock of an anonymous reverse mapping for writing.
pub type AnonVmaWriteGuard<'a> = AnonVmaGuard<'a, ForWrite>;

impl RmapTree<OfAnon> {
    /// Whose lock is taken.
    #[inline]
    pub(in crate::mm::vma) fn root(&self) -> *mut bindings::anon_vma {
        // SAFETY: It is alive, and its root is not changed once it can be found.
        unsafe { (*self.as_raw()).root }
    }
}

impl<M: Mode> RmapGuard<'_, OfAnon, M> {
    /// Whether this is the lock of `anon_vma`: its own, or that of a relative.
    #[inline]
    pub fn is_of(&self, anon_vma: Option<&AnonVma>) -> bool {
        anon_vma.is_some_and(|other| ptr::eq(other.root(), self.tree.root()))
    }

    /// The VMAs, of whatever process, that can map anonymous pages with these page offsets
    /// (C: `anon_rmap_tree_foreach()`, before 7.3 `anon_vma_interval_tree_foreach()`).
    #[doc(alias = "anon_rmap_tree_foreach")]
    #[doc(alias = "anon_vma_interval_tree_foreach")]
    #[inline]
    pub fn vmas(&self, pgoffs: RangeInclusive<usize>) -> AnonVmas<'_> {
        // INVARIANT: The lock is held while the guard is borrowed.
        AnonVmas {
            next: first(self.tree, &pgoffs),
            pgoffs,
            _guard: PhantomData,
        }
    }
}

/// Iterates over VMAs that can map the same anonymous pages; see `vmas()` of [`AnonVmaGuard`].
///
/// # Invariants
///
/// `next` is NULL or a link in the tree of an `anon_vma`, whose lock is held for `'g`.
pub struct AnonVmas<'g> {
    next: *mut bindings::anon_vma_chain,
    pgoffs: RangeInclusive<usize>,
    _guard: PhantomData<&'g AnonVma>,
}

impl<'g> Iterator for AnonVmas<'g> {
    type Item = &'g Vma<Rmap>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next.is_null() {
            return None;
        }

        let link = self.next;
        // INVARIANT: The tree does not change while its lock is held.
        self.next = next(link, &self.pgoffs);

        // SAFETY: By the type invariants the link is in a tree whose lock is held for 'g. It is
        // taken out before its VMA is freed.
        Some(unsafe { Vma::from_raw((*link).vma) })
    }
}

impl<L: Level> Vma<L> {
    /// Makes sure that the VMA has its anonymous reverse mapping (C: `anon_vma_prepare()`).
    ///
    /// May sleep. The mmap read lock is enough: this takes the `anon_vma` write lock and
    /// `page_table_lock` itself.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn anon_vma_prepare<H: LockClass>(&self, _order: &mut LockOrder<'_, H>) -> Result
    where
        L: MmapHeld,
        AnonVmaLock: After<H>,
    {
        prepare(self.as_raw())
    }
}

/// Sets `vma->anon_vma` as `__anon_vma_prepare()` does.
///
/// # Safety
///
/// `vma` must point to a VMA without `anon_vma`, whose mmap lock and `page_table_lock` the calling
/// task holds. The rest as for `Vma::set_anon_vma()`.
#[inline]
pub(in crate::mm::vma) unsafe fn publish_anon_vma(
    vma: *mut bindings::vm_area_struct,
    anon_vma: &AnonVma,
) {
    // SAFETY: The caller keeps the VMA alive and may write the field. A helper has the barrier.
    unsafe { bindings::vma_publish_anon_vma(vma, anon_vma.as_raw()) };
}

// None of these functions is exported, so modules reach them through the crate.

#[inline(never)]
fn prepare(vma: *mut bindings::vm_area_struct) -> Result {
    // SAFETY: All callers have a view of the VMA at a level that holds the mmap lock.
    to_result(unsafe { bindings::anon_vma_prepare(vma) })
}

#[inline(never)]
fn first(anon_vma: &AnonVma, pgoffs: &RangeInclusive<usize>) -> *mut bindings::anon_vma_chain {
    // SAFETY: All callers hold the lock of the tree.
    unsafe { bindings::anon_vma_iter_first(anon_vma.as_raw(), *pgoffs.start(), *pgoffs.end()) }
}

#[inline(never)]
fn next(
    link: *mut bindings::anon_vma_chain,
    pgoffs: &RangeInclusive<usize>,
) -> *mut bindings::anon_vma_chain {
    // SAFETY: All callers hold the lock of the tree that `link` is in.
    unsafe { bindings::anon_vma_iter_next(link, *pgoffs.start(), *pgoffs.end()) }
}

const _: () = assert!(size_of::<AnonVmaReadGuard<'_>>() == size_of::<usize>());
const _: () = assert!(size_of::<AnonVmaWriteGuard<'_>>() == size_of::<usize>());
