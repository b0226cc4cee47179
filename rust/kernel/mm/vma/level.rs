// SPDX-License-Identifier: GPL-2.0

//! Lock levels: what is held for as long as a view of a VMA lives.
//!
//! A level is an uninhabited type. It has no values and no size; it only stands as the parameter
//! of [`Vma<L>`] and says which locks protect that view. What a level permits is said by the traits
//! it implements, one for each column of the lock-state table in
//! [`Documentation/mm/process_addrs.rst`](srctree/Documentation/mm/process_addrs.rst):
//!
//! | level          | mmap lock     | VMA lock      | [`Stable`] | [`ReadFields`] | [`WriteMost`] |
//! |----------------|---------------|---------------|------------|----------------|---------------|
//! | [`VmaRead`]    | -             | read          | yes        | yes            | no            |
//! | [`MmapRead`]   | read          | -             | yes        | yes            | no            |
//! | [`Read`]       | read, or the VMA read lock   || yes        | yes            | no            |
//! | [`MmapWrite`]  | write         | -             | yes        | yes            | no            |
//! | [`VmaWrite`]   | write         | write         | yes        | yes            | yes           |
//!
//! Two traits say what else may be taken under a level: [`MmapReadHeld`] and [`MmapWriteHeld`].
//!
//! All of them are sealed, and the ones that code relies on for memory safety are `unsafe`. Bounds
//! on them stand on the methods, not on the `impl` blocks, so that a missing lock is reported with
//! the text below and not as a method that does not exist.
//!
//! [`Vma<L>`]: super::Vma

use crate::{
    bindings,
    mm::MmWithUser, //
};

mod sealed {
    use crate::bindings;

    /// Keeps the set of levels closed: only this module can add one.
    pub trait Sealed {
        /// Warns unless the calling task holds what the level stands for, by the kernel's own
        /// assertion.
        ///
        /// With `CONFIG_DEBUG_VM` every view is checked by this when it is made. How precise that
        /// is depends on lockdep.
        ///
        /// # Safety
        ///
        /// `vma` must point to a VMA that is not freed during the call, nor its mm.
        unsafe fn assert_held(vma: *mut bindings::vm_area_struct);
    }
}

/// A state of the locks that protect a VMA.
///
/// See the [module](self) for the list. This trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a lock level of a VMA",
    label = "not a lock level",
    note = "the levels are `VmaRead`, `MmapRead`, `Read`, `MmapWrite` and `VmaWrite`; \
            code that accepts several takes `L: ReadFields` or `L: WriteMost`"
)]
pub trait Level: sealed::Sealed + 'static {
    /// The level's name, for debug output.
    const NAME: &'static str;
}

/// The VMA cannot be freed, detached or reused while the view lives.
///
/// # Safety
///
/// Implement this only for a level under which the VMA stays attached to its address space, and
/// its `struct mm_struct` allocated.
#[diagnostic::on_unimplemented(
    message = "nothing keeps a VMA stable at lock level `{Self}`",
    label = "needs the mmap lock or the VMA read lock",
    note = "take the mmap lock with `VmaLocks::read()`, or the VMA read lock with \
            `VmaLocks::lock_vma()`"
)]
pub unsafe trait Stable: Level {}

/// The fields of the VMA may be read ("Read?" in the lock-state table).
///
/// # Safety
///
/// Implement this only for a level under which no other task can write the fields that
/// [`Vma`](super::Vma) reads plainly, and under which `vm_file` keeps its reference.
#[diagnostic::on_unimplemented(
    message = "the fields of a VMA cannot be read at lock level `{Self}`",
    label = "needs the mmap lock or the VMA read lock",
    note = "take the mmap lock with `VmaLocks::read()`, or the VMA read lock with \
            `VmaLocks::lock_vma()`"
)]
pub unsafe trait ReadFields: Stable {}

/// Most fields of the VMA may be written ("Write most?" in the lock-state table).
///
/// # Safety
///
/// Implement this only for a level that holds the mmap write lock and the VMA write lock.
#[diagnostic::on_unimplemented(
    message = "the fields of a VMA cannot be written at lock level `{Self}`",
    label = "needs the mmap write lock and the VMA write lock",
    note = "look the VMA up under `VmaLocks::write()`, then call `start_write()` on it"
)]
pub unsafe trait WriteMost: ReadFields {}

/// The mmap lock is held for reading, and only for reading.
///
/// # Safety
///
/// Implement this only for a level that holds the mmap read lock and excludes that the same task
/// holds the mmap write lock: `vma_start_read_locked()` does not look at `vm_lock_seq`, it would
/// succeed on a VMA that its caller has write-locked.
#[diagnostic::on_unimplemented(
    message = "a VMA cannot be read-locked at lock level `{Self}`",
    label = "needs the mmap read lock",
    note = "take it with `VmaLocks::read()`, or turn the mmap write lock into it with `downgrade()`"
)]
pub unsafe trait MmapReadHeld: ReadFields {}

/// The mmap lock is held for writing.
///
/// # Safety
///
/// Implement this only for a level that holds the mmap write lock.
#[diagnostic::on_unimplemented(
    message = "lock level `{Self}` does not hold the mmap write lock",
    label = "needs the mmap write lock",
    note = "take it with `VmaLocks::write()` and look the VMA up under that guard; a VMA write \
            lock cannot be taken under a read lock"
)]
pub unsafe trait MmapWriteHeld: ReadFields {}

/// A level that is a mode of the mmap lock, and so a level of [`MmapGuard`](super::MmapGuard).
///
/// # Safety
///
/// `unlock()` must release exactly the lock that the level stands for.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a mode of the mmap lock",
    label = "not a mode of the mmap lock",
    note = "an `MmapGuard` is for `MmapRead` or `MmapWrite`; VMA write locks have no guard, they \
            end with the mmap write lock"
)]
pub unsafe trait MmapLevel: ReadFields {
    /// Releases the mmap lock.
    ///
    /// # Safety
    ///
    /// The calling task must hold the mmap lock of `mm` in the mode that `Self` stands for, and
    /// must not rely on holding it, or on any VMA write lock of `mm`, afterwards.
    #[doc(hidden)]
    unsafe fn unlock(mm: &MmWithUser);
}

macro_rules! levels {
    ($($(#[$meta:meta])* $level:ident: |$vma:ident| $assert:expr;)*) => {$(
        $(#[$meta])*
        pub enum $level {}

        impl Level for $level {
            const NAME: &'static str = ::core::stringify!($level);
        }

        impl sealed::Sealed for $level {
            #[inline]
            unsafe fn assert_held($vma: *mut bindings::vm_area_struct) {
                // SAFETY: The caller keeps the VMA and its mm alive.
                unsafe { $assert }
            }
        }
    )*};
}

levels! {
    /// The VMA read lock is held, the mmap lock is not.
    ///
    /// Taken by [`lock_vma_under_rcu()`](super::VmaLocks::lock_vma_under_rcu) and by
    /// [`lock_vma()`](super::MmapGuard::lock_vma) under the mmap read lock.
    VmaRead: |vma| bindings::vma_assert_locked(vma);

    /// The mmap read lock is held.
    ///
    /// Taken by [`VmaLocks::read()`](super::VmaLocks::read) and its variants.
    MmapRead: |vma| bindings::mmap_assert_locked((*vma).vm_mm);

    /// A read lock is held: the mmap read lock or the VMA read lock, whichever.
    ///
    /// Any view turns into this one with [`Vma::as_read()`](super::Vma::as_read), and
    /// [`VmaLocks::lock_vma()`](super::VmaLocks::lock_vma) gives it at once.
    Read: |vma| bindings::vma_assert_stabilised(vma);

    /// The mmap write lock is held, the VMA is not write-locked.
    ///
    /// Taken by [`VmaLocks::write()`](super::VmaLocks::write) and its variants. Page faults and
    /// other VMA readers still run.
    MmapWrite: |vma| bindings::mmap_assert_write_locked((*vma).vm_mm);

    /// The mmap write lock is held and the VMA is write-locked.
    ///
    /// Taken by [`Vma::start_write()`](super::Vma::start_write).
    VmaWrite: |vma| bindings::vma_assert_write_locked(vma);
}

// SAFETY: Detaching a VMA takes its VMA write lock and then waits for its readers to leave, see
// `vma_mark_detached()`; the VMA read lock holds that off. A VMA that is attached belongs to a live
// `mm_struct`: `exit_mmap()` detaches all of them before it is freed.
unsafe impl Stable for VmaRead {}
// SAFETY: VMAs are attached to and detached from an address space under its mmap write lock, which
// the mmap read lock excludes.
unsafe impl Stable for MmapRead {}
// SAFETY: This level holds one of `VmaRead` and `MmapRead`, and both are `Stable`.
unsafe impl Stable for Read {}
// SAFETY: VMAs are attached and detached under the mmap write lock. It is held by the task that has
// the view, and that task only detaches through operations that borrow its guard mutably.
unsafe impl Stable for MmapWrite {}
// SAFETY: As for `MmapWrite`.
unsafe impl Stable for VmaWrite {}

// SAFETY: Plainly read fields are written under the mmap write lock and the VMA write lock, and
// `vma_start_write()` waits for VMA readers. `vm_file` is put only after the VMA was detached.
unsafe impl ReadFields for VmaRead {}
// SAFETY: Plainly read fields are written under the mmap write lock, which is excluded.
unsafe impl ReadFields for MmapRead {}
// SAFETY: This level holds one of `VmaRead` and `MmapRead`, and both are `ReadFields`.
unsafe impl ReadFields for Read {}
// SAFETY: The mmap write lock, which every writer of a plainly read field needs, is held by the
// task that has the view.
unsafe impl ReadFields for MmapWrite {}
// SAFETY: As for `MmapWrite`.
unsafe impl ReadFields for VmaWrite {}

// SAFETY: Both write locks are held.
unsafe impl WriteMost for VmaWrite {}

// SAFETY: The mmap read lock is held. It cannot be taken by a task that holds the write lock, and
// downgrading gives the write lock up.
unsafe impl MmapReadHeld for MmapRead {}

// SAFETY: The mmap write lock is held.
unsafe impl MmapWriteHeld for MmapWrite {}
// SAFETY: The mmap write lock is held; it is what the VMA write lock was taken under.
unsafe impl MmapWriteHeld for VmaWrite {}

// SAFETY: `mmap_read_unlock()` releases the mmap read lock.
unsafe impl MmapLevel for MmapRead {
    #[inline]
    unsafe fn unlock(mm: &MmWithUser) {
        // SAFETY: The caller holds the mmap read lock of this live mm and gives it up.
        unsafe { bindings::mmap_read_unlock(mm.as_raw()) };
    }
}

// SAFETY: `mmap_write_unlock()` releases the mmap write lock, and with it, by
// `vma_end_write_all()`, all VMA write locks.
unsafe impl MmapLevel for MmapWrite {
    #[inline]
    unsafe fn unlock(mm: &MmWithUser) {
        // SAFETY: The caller holds the mmap write lock of this live mm and gives it up, together
        // with the VMA write locks taken under it.
        unsafe { bindings::mmap_write_unlock(mm.as_raw()) };
    }
}
