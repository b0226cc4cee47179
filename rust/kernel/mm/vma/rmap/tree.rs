// SPDX-License-Identifier: GPL-2.0

//! The tree of VMAs of a reverse mapping, and its reader/writer lock, for both kinds.

use super::super::order::{
    After,
    LockClass,
    LockOrder, //
};
use crate::types::{
    NotThreadSafe,
    Opaque, //
};
use core::marker::PhantomData;

mod sealed {
    pub trait Sealed {}
}

pub(super) use self::sealed::Sealed;

/// A kind of reverse mapping: [`OfFile`](super::OfFile) or [`OfAnon`](super::OfAnon).
///
/// This trait is sealed.
///
/// # Safety
///
/// `unlock_read()` and `unlock_write()` must release what the functions that lock in that mode have
/// taken.
pub unsafe trait RmapKind: Sealed + 'static {
    /// The C type.
    #[doc(hidden)]
    type Raw;

    /// The place of its lock in the order of locks.
    type Class: LockClass;

    /// Sleeps until the lock is held for reading.
    ///
    /// # Safety
    ///
    /// `raw` must be alive. This holds for all functions of the trait.
    #[doc(hidden)]
    unsafe fn lock_read(raw: *mut Self::Raw);

    /// Tries to take the lock for reading, and returns whether it did.
    ///
    /// # Safety
    ///
    /// As for `lock_read()`.
    #[doc(hidden)]
    unsafe fn trylock_read(raw: *mut Self::Raw) -> bool;

    /// Releases the lock.
    ///
    /// # Safety
    ///
    /// As for `lock_read()`, and the calling task must hold the lock for reading.
    #[doc(hidden)]
    unsafe fn unlock_read(raw: *mut Self::Raw);

    /// Sleeps until the lock is held for writing.
    ///
    /// # Safety
    ///
    /// As for `lock_read()`.
    #[doc(hidden)]
    unsafe fn lock_write(raw: *mut Self::Raw);

    /// Tries to take the lock for writing, and returns whether it did.
    ///
    /// # Safety
    ///
    /// As for `lock_read()`.
    #[doc(hidden)]
    unsafe fn trylock_write(raw: *mut Self::Raw) -> bool;

    /// Releases the lock.
    ///
    /// # Safety
    ///
    /// As for `lock_read()`, and the calling task must hold the lock for writing.
    #[doc(hidden)]
    unsafe fn unlock_write(raw: *mut Self::Raw);
}

/// Makes a kind of reverse mapping from its C type and the C functions of its lock.
macro_rules! rmap_kind {
    (
        $(#[$meta:meta])*
        $kind:ident($raw:ident, $class:ident):
        $lock_read:ident, $trylock_read:ident, $unlock_read:ident,
        $lock_write:ident, $trylock_write:ident, $unlock_write:ident
    ) => {
        $(#[$meta])*
        pub enum $kind {}

        impl Sealed for $kind {}

        // SAFETY: Each pair of functions takes and releases one `rw_semaphore` in the same mode.
        unsafe impl RmapKind for $kind {
            type Raw = bindings::$raw;
            type Class = $class;

            #[inline]
            unsafe fn lock_read(raw: *mut bindings::$raw) {
                // SAFETY: The caller keeps it alive.
                unsafe { bindings::$lock_read(raw) };
            }

            #[inline]
            unsafe fn trylock_read(raw: *mut bindings::$raw) -> bool {
                // SAFETY: The caller keeps it alive.
                unsafe { bindings::$trylock_read(raw) != 0 }
            }

            #[inline]
            unsafe fn unlock_read(raw: *mut bindings::$raw) {
                // SAFETY: The caller holds the lock for reading.
                unsafe { bindings::$unlock_read(raw) };
            }

            #[inline]
            unsafe fn lock_write(raw: *mut bindings::$raw) {
                // SAFETY: The caller keeps it alive.
                unsafe { bindings::$lock_write(raw) };
            }

            #[inline]
            unsafe fn trylock_write(raw: *mut bindings::$raw) -> bool {
                // SAFETY: The caller keeps it alive.
                unsafe { bindings::$trylock_write(raw) != 0 }
            }

            #[inline]
            unsafe fn unlock_write(raw: *mut bindings::$raw) {
                // SAFETY: The caller holds the lock for writing.
                unsafe { bindings::$unlock_write(raw) };
            }
        }
    };
}

pub(super) use rmap_kind;

/// The VMAs that map the same thing: [`IMmap`](super::IMmap) or [`AnonVma`](super::AnonVma).
#[repr(transparent)]
pub struct RmapTree<K: RmapKind>(Opaque<K::Raw>);

// SAFETY: Neither kind belongs to a task. All that is reachable through this type is behind its
// lock.
unsafe impl<K: RmapKind> Send for RmapTree<K> {}
// SAFETY: As for `Send`.
unsafe impl<K: RmapKind> Sync for RmapTree<K> {}

impl<K: RmapKind> RmapTree<K> {
    /// Wraps the C type.
    ///
    /// # Safety
    ///
    /// `raw` must point to a reverse mapping that lives for `'a`.
    #[inline]
    pub(in crate::mm::vma) unsafe fn from_raw<'a>(raw: *mut K::Raw) -> &'a Self {
        // SAFETY: The caller keeps it alive; the types have the same layout by `repr(transparent)`.
        unsafe { &*raw.cast() }
    }

    #[inline]
    pub(super) fn as_raw(&self) -> *mut K::Raw {
        self.0.get()
    }

    /// Takes the lock for reading (C: `i_mmap_lock_read()`, `anon_vma_lock_read()`).
    ///
    /// Sleeps, uninterruptibly, while there is a writer.
    #[doc(alias = "i_mmap_lock_read")]
    #[doc(alias = "anon_vma_lock_read")]
    #[inline]
    pub fn lock_read<'a, H: LockClass>(
        &'a self,
        _order: &'a mut LockOrder<'_, H>,
    ) -> RmapTreeGuard<'a, K, TreeRead>
    where
        K::Class: After<H>,
    {
        // SAFETY: The reference keeps it alive.
        unsafe { K::lock_read(self.as_raw()) };

        RmapTreeGuard::new(self)
    }

    /// Takes the lock for reading unless that would sleep (C: `i_mmap_trylock_read()`,
    /// `anon_vma_trylock_read()`).
    #[doc(alias = "i_mmap_trylock_read")]
    #[doc(alias = "anon_vma_trylock_read")]
    #[inline]
    pub fn trylock_read<'a, H: LockClass>(
        &'a self,
        _order: &'a mut LockOrder<'_, H>,
    ) -> Option<RmapTreeGuard<'a, K, TreeRead>>
    where
        K::Class: After<H>,
    {
        // SAFETY: The reference keeps it alive.
        unsafe { K::trylock_read(self.as_raw()) }.then(|| RmapTreeGuard::new(self))
    }

    /// Takes the lock for writing (C: `i_mmap_lock_write()`, `anon_vma_lock_write()`).
    ///
    /// Sleeps, uninterruptibly, while another task holds it.
    #[cfg(CONFIG_RUST_VMA_MM)]
    #[doc(alias = "i_mmap_lock_write")]
    #[doc(alias = "anon_vma_lock_write")]
    #[inline]
    pub fn lock_write<'a, H: LockClass>(
        &'a self,
        _order: &'a mut LockOrder<'_, H>,
    ) -> RmapTreeGuard<'a, K, TreeWrite>
    where
        K::Class: After<H>,
    {
        self.lock_write_after::<H>()
    }

    /// `lock_write()` for a guard that holds `H`, and what else it takes, itself.
    #[cfg(CONFIG_RUST_VMA_MM)]
    #[inline]
    pub(super) fn lock_write_after<H: LockClass>(&self) -> RmapTreeGuard<'_, K, TreeWrite>
    where
        K::Class: After<H>,
    {
        // SAFETY: The reference keeps it alive.
        unsafe { K::lock_write(self.as_raw()) };

        RmapTreeGuard::new(self)
    }

    /// Takes the lock for writing unless that would sleep (C: `i_mmap_trylock_write()`,
    /// `anon_vma_trylock_write()`).
    #[cfg(CONFIG_RUST_VMA_MM)]
    #[doc(alias = "i_mmap_trylock_write")]
    #[doc(alias = "anon_vma_trylock_write")]
    #[inline]
    pub fn trylock_write<'a, H: LockClass>(
        &'a self,
        _order: &'a mut LockOrder<'_, H>,
    ) -> Option<RmapTreeGuard<'a, K, TreeWrite>>
    where
        K::Class: After<H>,
    {
        // SAFETY: The reference keeps it alive.
        unsafe { K::trylock_write(self.as_raw()) }.then(|| RmapTreeGuard::new(self))
    }
}

/// A mode in which the lock of an [`RmapTree`] is held: [`TreeRead`] or [`TreeWrite`]. The levels
/// [`Rmap`](super::super::Rmap) and [`RmapWrite`](super::super::RmapWrite) are not modes of it:
/// they are about one VMA, and the latter includes its mmap and VMA write locks.
///
/// This trait is sealed.
pub trait TreeMode: Sealed + 'static {
    /// True if the mode excludes other holders.
    #[doc(hidden)]
    const WRITE: bool;
}

/// Held for reading, together with other readers.
pub enum TreeRead {}

/// Held for writing, alone.
pub enum TreeWrite {}

impl Sealed for TreeRead {}
impl Sealed for TreeWrite {}

impl TreeMode for TreeRead {
    const WRITE: bool = false;
}

impl TreeMode for TreeWrite {
    const WRITE: bool = true;
}

/// Holds the lock of a reverse mapping, in the mode `M`.
///
/// Dropping it releases the lock. If it is leaked ([`core::mem::forget`]) the lock stays taken: the
/// file can no longer be mapped, unmapped or truncated, or related processes can neither fork nor
/// exit. That is safe.
///
/// # Invariants
///
/// The task that has the guard holds the lock of `tree` in the mode `M`.
#[must_use = "the reverse-mapping lock is released as soon as the guard is dropped"]
pub struct RmapTreeGuard<'a, K: RmapKind, M: TreeMode> {
    pub(super) tree: &'a RmapTree<K>,
    _mode: PhantomData<M>,
    // A rw_semaphore is released by the task that took it.
    _nts: NotThreadSafe,
}

impl<'a, K: RmapKind, M: TreeMode> RmapTreeGuard<'a, K, M> {
    /// Makes the guard. The caller has just taken the lock in the mode `M`.
    #[inline]
    fn new(tree: &'a RmapTree<K>) -> Self {
        // INVARIANT: All callers have taken the lock in the mode `M`.
        Self {
            tree,
            _mode: PhantomData,
            _nts: NotThreadSafe,
        }
    }

    /// Splits the guard into a shared reference and a token for nested locks.
    #[inline]
    pub fn nest(&mut self) -> (&Self, LockOrder<'_, K::Class>) {
        (self, LockOrder::holding())
    }
}

impl<K: RmapKind, M: TreeMode> Drop for RmapTreeGuard<'_, K, M> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariants the lock is held by this task in that mode; views borrowed
        // the guard and are gone.
        unsafe {
            if M::WRITE {
                K::unlock_write(self.tree.as_raw());
            } else {
                K::unlock_read(self.tree.as_raw());
            }
        }
    }
}
