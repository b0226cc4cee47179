// SPDX-License-Identifier: GPL-2.0

//! The mappings of a file, and the lock of their tree.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/mm.h`](srctree/include/linux/mm.h)

use super::{
    super::{
        level::Rmap,
        order::IMmapLock,
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
use crate::{
    bindings,
    fs::LocalFile, //
};
use core::{
    marker::PhantomData,
    ops::RangeInclusive,
    ptr, //
};

rmap_kind! {
    /// The reverse mapping of a file.
    OfFile(address_space, IMmapLock):
    i_mmap_lock_read, i_mmap_trylock_read, i_mmap_unlock_read,
    i_mmap_lock_write, i_mmap_trylock_write, i_mmap_unlock_write
}

/// The mappings of a file (C: `struct address_space`, its `i_mmap`).
///
/// # Examples
///
/// ```
/// use kernel::{fs::LocalFile, mm::vma::{rmap::IMmap, LockOrder}};
///
/// /// In how many places the first page of a file is mapped, in all processes.
/// fn times_mapped(file: &LocalFile) -> usize {
///     IMmap::of(file).lock_read(&mut LockOrder::new()).vmas(0..=0).count()
/// }
/// ```
pub type IMmap = RmapTree<OfFile>;

/// Holds the lock of a file's mappings, in the mode `M`.
pub type IMmapGuard<'f, M> = RmapTreeGuard<'f, OfFile, M>;

/// Holds the lock of a file's mappings for reading.
pub type IMmapReadGuard<'f> = IMmapGuard<'f, TreeRead>;

/// Holds the lock of a file's mappings for writing.
pub type IMmapWriteGuard<'f> = IMmapGuard<'f, TreeWrite>;

impl RmapTree<OfFile> {
    /// Returns the mappings of `file` (C: `f_mapping`).
    #[doc(alias = "f_mapping")]
    #[inline]
    pub fn of(file: &LocalFile) -> &Self {
        // SAFETY: `f_mapping` is written when the file is opened. It lives as long as what was
        // opened, of which the file has a reference.
        unsafe { Self::from_raw((*file.as_ptr()).f_mapping) }
    }
}

impl<M: TreeMode> RmapTreeGuard<'_, OfFile, M> {
    /// Returns whether this is the lock of the mappings of `file`.
    #[inline]
    pub fn is_of(&self, file: Option<&LocalFile>) -> bool {
        file.is_some_and(|file| ptr::eq(IMmap::of(file), self.tree))
    }

    /// Iterates over the VMAs of all processes that map any of these pages of the file, by page
    /// offset (C: `mapping_rmap_tree_foreach()`, before 7.3 `vma_interval_tree_foreach()`). An
    /// empty range has none.
    #[doc(alias = "mapping_rmap_tree_foreach")]
    #[doc(alias = "vma_interval_tree_foreach")]
    #[inline]
    pub fn vmas(&self, pgoffs: RangeInclusive<usize>) -> IMmapVmas<'_> {
        // INVARIANT: The lock is held while the guard is borrowed.
        IMmapVmas {
            // SAFETY: The guard holds the lock of the tree.
            next: unsafe { first(self.tree, &pgoffs) },
            pgoffs,
            _guard: PhantomData,
        }
    }
}

/// Iterates over VMAs that map a file; see `vmas()` of [`IMmapGuard`].
///
/// # Invariants
///
/// `next` is NULL or a VMA in a file's tree of mappings, whose lock is held for `'g`.
pub struct IMmapVmas<'g> {
    next: *mut bindings::vm_area_struct,
    pgoffs: RangeInclusive<usize>,
    _guard: PhantomData<&'g IMmap>,
}

impl<'g> Iterator for IMmapVmas<'g> {
    type Item = &'g Vma<Rmap>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next.is_null() {
            return None;
        }

        let vma = self.next;
        // INVARIANT: The tree does not change while its lock is held.
        // SAFETY: By the type invariants the VMA is in a tree whose lock is held for 'g.
        self.next = unsafe { next(vma, &self.pgoffs) };

        // SAFETY: By the type invariants the VMA is in a tree whose lock is held for 'g.
        Some(unsafe { Vma::from_raw(vma) })
    }
}

// The functions of the tree are not exported, so modules reach them through the crate.

/// Finds the first VMA of a tree that maps any of these pages, none for an empty range.
///
/// # Safety
///
/// The calling task must hold the lock of the tree.
#[inline(never)]
unsafe fn first(i_mmap: &IMmap, pgoffs: &RangeInclusive<usize>) -> *mut bindings::vm_area_struct {
    if pgoffs.is_empty() {
        return ptr::null_mut();
    }

    // SAFETY: Guaranteed by the caller: the tree does not change.
    unsafe { bindings::i_mmap_iter_first(i_mmap.as_raw(), *pgoffs.start(), *pgoffs.end()) }
}

/// Finds the next VMA of a tree that maps any of these pages.
///
/// # Safety
///
/// `vma` must point to a VMA that is in a tree whose lock the calling task holds.
#[inline(never)]
unsafe fn next(
    vma: *mut bindings::vm_area_struct,
    pgoffs: &RangeInclusive<usize>,
) -> *mut bindings::vm_area_struct {
    // SAFETY: Guaranteed by the caller: the VMA is alive, and the tree does not change.
    unsafe { bindings::i_mmap_iter_next(vma, *pgoffs.start(), *pgoffs.end()) }
}
