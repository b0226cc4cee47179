// SPDX-License-Identifier: GPL-2.0

//! The mappings of anonymous memory, and the lock of their tree.
//!
//! C headers: [`include/linux/rmap.h`](srctree/include/linux/rmap.h),
//! [`mm/internal.h`](srctree/mm/internal.h)

#[cfg(CONFIG_RUST_VMA_MM)]
use super::super::{
    level::{
        Level,
        MmapReadHeld, //
    },
    order::LockOrder,
    MayReclaim, //
};
use super::{
    super::{
        level::Rmap,
        order::AnonVmaLock,
        Vma, //
    },
    tree::{
        rmap_kind,
        RmapKind,
        RmapTree,
        RmapTreeGuard,
        Sealed, //
        TreeMode,
        TreeRead,
        TreeWrite,
    }, //
};
use crate::bindings;
#[cfg(CONFIG_RUST_VMA_MM)]
use crate::error::{
    to_result,
    Result, //
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

/// Holds the lock of an anonymous reverse mapping, in the mode `M`.
pub type AnonVmaGuard<'a, M> = RmapTreeGuard<'a, OfAnon, M>;

/// Holds the lock of an anonymous reverse mapping for reading.
pub type AnonVmaReadGuard<'a> = AnonVmaGuard<'a, TreeRead>;

/// Holds the lock of an anonymous reverse mapping for writing.
pub type AnonVmaWriteGuard<'a> = AnonVmaGuard<'a, TreeWrite>;

impl RmapTree<OfAnon> {
    /// Returns the root, which has the lock.
    #[inline]
    pub(in crate::mm::vma) fn root(&self) -> *mut bindings::anon_vma {
        // SAFETY: It is alive, and its root is not changed once it can be found.
        unsafe { (*self.as_raw()).root }
    }
}

impl<M: TreeMode> RmapTreeGuard<'_, OfAnon, M> {
    /// Returns whether this is the lock of `anon_vma`, which relatives share.
    #[inline]
    pub fn is_of(&self, anon_vma: Option<&AnonVma>) -> bool {
        anon_vma.is_some_and(|other| ptr::eq(other.root(), self.tree.root()))
    }

    /// Iterates over the VMAs of all processes that can map anonymous pages with these page offsets
    /// (C: `anon_rmap_tree_foreach()`, before 7.3 `anon_vma_interval_tree_foreach()`). An empty
    /// range has none.
    #[doc(alias = "anon_rmap_tree_foreach")]
    #[doc(alias = "anon_vma_interval_tree_foreach")]
    #[inline]
    pub fn vmas(&self, pgoffs: RangeInclusive<usize>) -> AnonVmas<'_> {
        // INVARIANT: The lock is held while the guard is borrowed.
        AnonVmas {
            // SAFETY: The guard holds the lock of the tree.
            next: unsafe { first(self.tree, &pgoffs) },
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
        // SAFETY: By the type invariants the link is in a tree whose lock is held for 'g.
        self.next = unsafe { next(link, &self.pgoffs) };

        // SAFETY: By the type invariants the link is in a tree whose lock is held for 'g. It is
        // taken out before its VMA is freed.
        Some(unsafe { Vma::from_raw((*link).vma) })
    }
}

#[cfg(CONFIG_RUST_VMA_MM)]
impl<L: Level> Vma<L> {
    /// Makes sure that the VMA has its anonymous reverse mapping (C: `anon_vma_prepare()`).
    ///
    /// May sleep, and allocates memory: the order says that no reverse-mapping lock is held, for
    /// which reclaim could wait. Takes the `anon_vma` write lock and `page_table_lock` itself.
    ///
    /// C permits it under the mmap write lock, too. Here it takes the mmap read lock, which cannot
    /// be held together with an [`RmapWriteGuard`](super::RmapWriteGuard) of the same address
    /// space: that one has locked the reverse mappings that the VMA had, and would lack the new
    /// one.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    #[inline]
    pub fn anon_vma_prepare(&self, _order: &mut LockOrder<'_, impl MayReclaim>) -> Result
    where
        L: MmapReadHeld,
    {
        // SAFETY: By `L: MmapReadHeld` this task holds the mmap lock of the VMA.
        unsafe { prepare(self.as_raw()) }
    }
}

// None of these functions is exported, so modules reach them through the crate.

/// Calls `anon_vma_prepare()`.
///
/// # Safety
///
/// `vma` must point to an attached VMA whose mmap lock the calling task holds.
#[cfg(CONFIG_RUST_VMA_MM)]
#[inline(never)]
unsafe fn prepare(vma: *mut bindings::vm_area_struct) -> Result {
    // SAFETY: Guaranteed by the caller: the mmap lock is held, which keeps the VMA.
    to_result(unsafe { bindings::anon_vma_prepare(vma) })
}

/// Finds the first link of a tree whose VMA has any of these page offsets, none for an empty range.
///
/// # Safety
///
/// The calling task must hold the lock of the tree.
#[inline(never)]
unsafe fn first(
    anon_vma: &AnonVma,
    pgoffs: &RangeInclusive<usize>,
) -> *mut bindings::anon_vma_chain {
    if pgoffs.is_empty() {
        return ptr::null_mut();
    }

    // SAFETY: Guaranteed by the caller: the tree does not change.
    unsafe { bindings::anon_vma_iter_first(anon_vma.as_raw(), *pgoffs.start(), *pgoffs.end()) }
}

/// Finds the next link of a tree whose VMA has any of these page offsets.
///
/// # Safety
///
/// `link` must point to a link that is in a tree whose lock the calling task holds.
#[inline(never)]
unsafe fn next(
    link: *mut bindings::anon_vma_chain,
    pgoffs: &RangeInclusive<usize>,
) -> *mut bindings::anon_vma_chain {
    // SAFETY: Guaranteed by the caller: the link is alive, and the tree does not change.
    unsafe { bindings::anon_vma_iter_next(link, *pgoffs.start(), *pgoffs.end()) }
}
