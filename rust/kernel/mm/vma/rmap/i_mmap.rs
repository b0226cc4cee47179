// SPDX-License-Identifier: GPL-2.0

//! The mappings of a file, and the lock of their tree.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/mm.h`](srctree/include/linux/mm.h)

use super::{
    super::{
        level::Rmap,
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
    fs::LocalFile,
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

/// The mappings of a file (C: `struct address_space`, its `i_mmap`).
///
/// # Examples
///
/// ```
/// use kernel::{fs::LocalFile, mm::vma::rmap::IMmap};
///
/// /// In how many places the first page of a file is mapped, in all processes.
/// fn times_mapped(file: &LocalFile) -> usize {
///     IMmap::of(file).lock_read().vmas(0..=0).count()
/// }
/// ```
#[repr(transparent)]
pub struct IMmap(Opaque<bindings::address_space>);

// SAFETY: An `address_space` belongs to an inode, not to a task. All that is reachable through this
// type is behind its lock.
unsafe impl Send for IMmap {}
// SAFETY: As for `Send`.
unsafe impl Sync for IMmap {}

impl IMmap {
    /// The mappings of `file` (C: `f_mapping`).
    #[doc(alias = "f_mapping")]
    #[inline]
    pub fn of(file: &LocalFile) -> &Self {
        // SAFETY: `f_mapping` is written when the file is opened. It lives as long as what was
        // opened, of which the file has a reference.
        unsafe { &*(*file.as_ptr()).f_mapping.cast() }
    }

    #[inline]
    fn as_raw(&self) -> *mut bindings::address_space {
        self.0.get()
    }

    /// Takes the lock for reading (C: `i_mmap_lock_read()`).
    ///
    /// Sleeps, uninterruptibly, while there is a writer.
    #[doc(alias = "i_mmap_lock_read")]
    #[inline]
    pub fn lock_read(&self) -> IMmapReadGuard<'_> {
        // SAFETY: The `address_space` is alive.
        unsafe { bindings::i_mmap_lock_read(self.as_raw()) };

        IMmapGuard::new(self)
    }

    /// Takes the lock for reading unless that would sleep (C: `i_mmap_trylock_read()`).
    #[doc(alias = "i_mmap_trylock_read")]
    #[inline]
    pub fn trylock_read(&self) -> Option<IMmapReadGuard<'_>> {
        // SAFETY: The `address_space` is alive.
        (unsafe { bindings::i_mmap_trylock_read(self.as_raw()) } != 0)
            .then(|| IMmapGuard::new(self))
    }

    /// Takes the lock for writing (C: `i_mmap_lock_write()`).
    ///
    /// Sleeps, uninterruptibly, while anybody has it.
    #[doc(alias = "i_mmap_lock_write")]
    #[inline]
    pub fn lock_write(&self) -> IMmapWriteGuard<'_> {
        // SAFETY: The `address_space` is alive.
        unsafe { bindings::i_mmap_lock_write(self.as_raw()) };

        IMmapGuard::new(self)
    }

    /// Takes the lock for writing unless that would sleep (C: `i_mmap_trylock_write()`).
    #[doc(alias = "i_mmap_trylock_write")]
    #[inline]
    pub fn trylock_write(&self) -> Option<IMmapWriteGuard<'_>> {
        // SAFETY: The `address_space` is alive.
        (unsafe { bindings::i_mmap_trylock_write(self.as_raw()) } != 0)
            .then(|| IMmapGuard::new(self))
    }
}

/// Holds the lock of a file's mappings.
///
/// Dropping it releases the lock. If it is leaked ([`core::mem::forget`]) the lock stays taken:
/// nobody can map or unmap the file, or truncate it, any more.
///
/// # Invariants
///
/// The task that has the guard holds `i_mmap_rwsem` of `i_mmap` in the mode `M`.
#[must_use = "the i_mmap lock is released as soon as the guard is dropped"]
pub struct IMmapGuard<'f, M: Mode> {
    i_mmap: &'f IMmap,
    _mode: PhantomData<M>,
    // A rw_semaphore is released by the task that took it.
    _nts: NotThreadSafe,
}

/// Holds the lock of a file's mappings for reading.
pub type IMmapReadGuard<'f> = IMmapGuard<'f, ForRead>;

/// Holds the lock of a file's mappings for writing.
pub type IMmapWriteGuard<'f> = IMmapGuard<'f, ForWrite>;

impl<'f, M: Mode> IMmapGuard<'f, M> {
    /// To be called by who has just taken the lock.
    #[inline]
    fn new(i_mmap: &'f IMmap) -> Self {
        // INVARIANT: All callers have taken the lock in the mode `M`.
        Self {
            i_mmap,
            _mode: PhantomData,
            _nts: NotThreadSafe,
        }
    }

    /// Whether this is the lock of the mappings of `file`.
    #[inline]
    pub fn is_of(&self, file: Option<&LocalFile>) -> bool {
        file.is_some_and(|file| ptr::eq(IMmap::of(file), self.i_mmap))
    }

    /// The VMAs, of whatever process, that map any of these pages of the file, by page offset
    /// (C: `mapping_rmap_tree_foreach()`, before 7.3 `vma_interval_tree_foreach()`).
    #[doc(alias = "mapping_rmap_tree_foreach")]
    #[doc(alias = "vma_interval_tree_foreach")]
    #[inline]
    pub fn vmas(&self, pgoffs: RangeInclusive<usize>) -> IMmapVmas<'_> {
        // INVARIANT: The lock is held while the guard is borrowed.
        IMmapVmas {
            next: first(self.i_mmap, &pgoffs),
            pgoffs,
            _guard: PhantomData,
        }
    }
}

impl<M: Mode> Drop for IMmapGuard<'_, M> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariants the lock is held by this task in that mode; views borrowed
        // the guard and are gone.
        unsafe {
            if M::WRITE {
                bindings::i_mmap_unlock_write(self.i_mmap.as_raw());
            } else {
                bindings::i_mmap_unlock_read(self.i_mmap.as_raw());
            }
        }
    }
}

/// Iterates over VMAs that map a file; see [`IMmapGuard::vmas()`].
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
        self.next = next(vma, &self.pgoffs);

        // SAFETY: By the type invariants the VMA is in a tree whose lock is held for 'g.
        Some(unsafe { Vma::from_raw(vma) })
    }
}

// The functions of the tree are not exported, so modules reach them through the crate.

#[inline(never)]
fn first(i_mmap: &IMmap, pgoffs: &RangeInclusive<usize>) -> *mut bindings::vm_area_struct {
    // SAFETY: All callers hold the lock of the tree.
    unsafe { bindings::i_mmap_iter_first(i_mmap.as_raw(), *pgoffs.start(), *pgoffs.end()) }
}

#[inline(never)]
fn next(
    vma: *mut bindings::vm_area_struct,
    pgoffs: &RangeInclusive<usize>,
) -> *mut bindings::vm_area_struct {
    // SAFETY: All callers hold the lock of the tree that `vma` is in.
    unsafe { bindings::i_mmap_iter_next(vma, *pgoffs.start(), *pgoffs.end()) }
}

const _: () = assert!(size_of::<IMmapReadGuard<'_>>() == size_of::<usize>());
const _: () = assert!(size_of::<IMmapWriteGuard<'_>>() == size_of::<usize>());
