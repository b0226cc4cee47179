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
        Vma, //
    },
    guard::{
        ForRead,
        ForWrite,
        Mode, //
    }, //
};
use crate::{
    bindings,
    error::{
        to_result,
        Result, //
    },
    types::{
        NotThreadSafe,
        Opaque, //
    }, //
};
use core::{
    marker::PhantomData,
    ops::RangeInclusive,
    ptr, //
};

/// The mappings of anonymous memory that may share pages, by fork (C: `struct anon_vma`).
///
/// All that are related by fork have one lock, that of their root.
#[repr(transparent)]
pub struct AnonVma(Opaque<bindings::anon_vma>);

// SAFETY: An `anon_vma` does not belong to a task. All that is reachable through this type is
// behind its lock.
unsafe impl Send for AnonVma {}
// SAFETY: As for `Send`.
unsafe impl Sync for AnonVma {}

impl AnonVma {
    /// Wraps the C type.
    ///
    /// # Safety
    ///
    /// `anon_vma` must point to an `anon_vma` that lives for `'a`.
    #[inline]
    pub(in crate::mm::vma) unsafe fn from_raw<'a>(anon_vma: *mut bindings::anon_vma) -> &'a Self {
        // SAFETY: The caller keeps it alive; the types have the same layout by `repr(transparent)`.
        unsafe { &*anon_vma.cast() }
    }

    #[inline]
    fn as_raw(&self) -> *mut bindings::anon_vma {
        self.0.get()
    }

    /// Whose lock is taken.
    #[inline]
    fn root(&self) -> *mut bindings::anon_vma {
        // SAFETY: It is alive, and its root is not changed once it can be found.
        unsafe { (*self.as_raw()).root }
    }

    /// Takes the lock for reading (C: `anon_vma_lock_read()`).
    ///
    /// Sleeps, uninterruptibly, while there is a writer.
    #[doc(alias = "anon_vma_lock_read")]
    #[inline]
    pub fn lock_read(&self) -> AnonVmaReadGuard<'_> {
        // SAFETY: The `anon_vma` is alive, and so is its root, of which it has a reference.
        unsafe { bindings::anon_vma_lock_read(self.as_raw()) };

        AnonVmaGuard::new(self)
    }

    /// Takes the lock for reading unless that would sleep (C: `anon_vma_trylock_read()`).
    #[doc(alias = "anon_vma_trylock_read")]
    #[inline]
    pub fn trylock_read(&self) -> Option<AnonVmaReadGuard<'_>> {
        // SAFETY: As in `lock_read()`.
        (unsafe { bindings::anon_vma_trylock_read(self.as_raw()) } != 0)
            .then(|| AnonVmaGuard::new(self))
    }

    /// Takes the lock for writing (C: `anon_vma_lock_write()`).
    ///
    /// Sleeps, uninterruptibly, while anybody has it.
    #[doc(alias = "anon_vma_lock_write")]
    #[inline]
    pub fn lock_write(&self) -> AnonVmaWriteGuard<'_> {
        // SAFETY: As in `lock_read()`.
        unsafe { bindings::anon_vma_lock_write(self.as_raw()) };

        AnonVmaGuard::new(self)
    }

    /// Takes the lock for writing unless that would sleep (C: `anon_vma_trylock_write()`).
    #[doc(alias = "anon_vma_trylock_write")]
    #[inline]
    pub fn trylock_write(&self) -> Option<AnonVmaWriteGuard<'_>> {
        // SAFETY: As in `lock_read()`.
        (unsafe { bindings::anon_vma_trylock_write(self.as_raw()) } != 0)
            .then(|| AnonVmaGuard::new(self))
    }
}

/// Holds the lock of an anonymous reverse mapping.
///
/// Dropping it releases the lock. If it is leaked ([`core::mem::forget`]) the lock stays taken:
/// related processes can neither fork nor exit any more.
///
/// # Invariants
///
/// The task that has the guard holds `root->rwsem` of `anon_vma` in the mode `M`.
#[must_use = "the anon_vma lock is released as soon as the guard is dropped"]
pub struct AnonVmaGuard<'a, M: Mode> {
    anon_vma: &'a AnonVma,
    _mode: PhantomData<M>,
    // A rw_semaphore is released by the task that took it.
    _nts: NotThreadSafe,
}

/// Holds the lock of an anonymous reverse mapping for reading.
pub type AnonVmaReadGuard<'a> = AnonVmaGuard<'a, ForRead>;

/// Holds the lock of an anonymous reverse mapping for writing.
pub type AnonVmaWriteGuard<'a> = AnonVmaGuard<'a, ForWrite>;

impl<'a, M: Mode> AnonVmaGuard<'a, M> {
    /// To be called by who has just taken the lock.
    #[inline]
    fn new(anon_vma: &'a AnonVma) -> Self {
        // INVARIANT: All callers have taken the lock in the mode `M`.
        Self {
            anon_vma,
            _mode: PhantomData,
            _nts: NotThreadSafe,
        }
    }

    /// Whether this is the lock of `anon_vma`: its own, or that of a relative.
    #[inline]
    pub fn is_of(&self, anon_vma: Option<&AnonVma>) -> bool {
        anon_vma.is_some_and(|other| ptr::eq(other.root(), self.anon_vma.root()))
    }

    /// The VMAs, of whatever process, that can map anonymous pages with these page offsets
    /// (C: `anon_rmap_tree_foreach()`, before 7.3 `anon_vma_interval_tree_foreach()`).
    #[doc(alias = "anon_rmap_tree_foreach")]
    #[doc(alias = "anon_vma_interval_tree_foreach")]
    #[inline]
    pub fn vmas(&self, pgoffs: RangeInclusive<usize>) -> AnonVmas<'_> {
        // INVARIANT: The lock is held while the guard is borrowed.
        AnonVmas {
            next: first(self.anon_vma, &pgoffs),
            pgoffs,
            _guard: PhantomData,
        }
    }
}

impl<M: Mode> Drop for AnonVmaGuard<'_, M> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariants the lock is held by this task in that mode; views borrowed
        // the guard and are gone.
        unsafe {
            if M::WRITE {
                bindings::anon_vma_unlock_write(self.anon_vma.as_raw());
            } else {
                bindings::anon_vma_unlock_read(self.anon_vma.as_raw());
            }
        }
    }
}

/// Iterates over VMAs that can map the same anonymous pages; see [`AnonVmaGuard::vmas()`].
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
    pub fn anon_vma_prepare(&self) -> Result
    where
        L: MmapHeld,
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
