// SPDX-License-Identifier: GPL-2.0

//! Lock levels: what is held for as long as a view of a VMA lives.
//!
//! A level is an uninhabited type. It has no values and no size; it only stands as the parameter of
//! [`Vma<L>`] and says which locks protect that view. A level permits what its traits say, one for
//! each column of the lock-state table in
//! [`Documentation/mm/process_addrs.rst`](srctree/Documentation/mm/process_addrs.rst):
//!
//! | level         | mmap | VMA  | rmap | [`ReadFields`] | [`WriteMost`] | [`WriteAll`] |
//! |---------------|------|------|------|----------------|---------------|--------------|
//! | [`Rmap`]      | -    | -    | R    | layout only    | no            | no           |
//! | [`VmaRead`]   | -    | R    | -    | yes            | no            | no           |
//! | [`MmapRead`]  | R    | -    | -    | yes            | no            | no           |
//! | [`Read`]      | R    | or R | -    | yes            | no            | no           |
//! | [`Opening`]   | W    | -    | -    | yes            | no            | no           |
//! | [`Closing`]   | R    | -    | -    | yes            | no            | no           |
//! | [`MmapWrite`] | W    | -    | -    | yes            | no            | no           |
//! | [`Setup`]     | W    | -    | -    | yes            | no            | no           |
//! | [`VmaWrite`]  | W    | W    | -    | yes            | yes           | no           |
//! | [`RmapWrite`] | W    | W    | W    | yes            | yes           | yes          |
//!
//! All of them are [`Stable`], and permit to read the layout ([`ReadLayout`]). [`InstallEntries`]
//! is the rule for populating page tables, [`ReachMm`] the one for the VMA's `Mm`, and [`ReadHeld`]
//! the one for passing as [`Read`]. [`MmapHeld`], [`MmapReadHeld`] and [`MmapWriteHeld`] say which
//! further locks may be taken under a level.
//!
//! All of them are sealed, and the ones that code relies on for memory safety are `unsafe`. Their
//! bounds are on the methods, not on the `impl` blocks, so that rustc reports a missing lock with
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
    note = "the levels are `Rmap`, `VmaRead`, `MmapRead`, `Read`, `MmapWrite`, `Setup`, `Opening`, \
            `Closing`, `VmaWrite` and `RmapWrite`; code that accepts several takes \
            `L: ReadFields` or `L: WriteMost`"
)]
pub trait Level: sealed::Sealed + 'static {
    /// The level's name, for debug output.
    const NAME: &'static str;

    /// The locks held at least at this level, as a list of alternatives.
    const HELD: &'static [LockState];
}

/// The mode in which one lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Not held, or not known to be.
    No,

    /// For reading, at least.
    Read,

    /// For writing.
    Write,
}

/// A row of the lock-state table: how each of the three locks is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockState {
    /// The mmap lock.
    pub mmap: Held,

    /// The VMA lock.
    pub vma: Held,

    /// The reverse-mapping locks that the VMA has.
    pub rmap: Held,
}

/// The VMA cannot be freed or reused while the view lives ("Stable?" in the lock-state table).
///
/// # Safety
///
/// Implement this only for a level under which the VMA stays allocated and the same, its
/// `struct mm_struct` too, and under which no page table that maps the VMA's range is freed.
#[diagnostic::on_unimplemented(
    message = "nothing keeps a VMA stable at lock level `{Self}`",
    label = "needs the mmap lock, the VMA lock or an rmap lock",
    note = "every level keeps it stable: code for any of them takes `L: Stable`"
)]
pub unsafe trait Stable: Level {}

/// The virtual layout fields of the VMA may be read.
///
/// # Safety
///
/// Implement this only for a level under which no other task can write `vm_start`, `vm_end` and
/// `vm_pgoff`. They are written under the mmap, VMA and rmap write locks together, so each of the
/// three will do.
#[diagnostic::on_unimplemented(
    message = "the extent of a VMA cannot be read at lock level `{Self}`",
    label = "needs the mmap lock, the VMA lock or an rmap lock",
    note = "every level permits it: code for any of them takes `L: ReadLayout`"
)]
pub unsafe trait ReadLayout: Stable {}

/// The fields of the VMA may be read ("Read?" in the lock-state table).
///
/// # Safety
///
/// Implement this only for a level under which no other task can write the fields that
/// [`Vma`](super::Vma) reads plainly, and under which `vm_file` keeps its reference.
#[diagnostic::on_unimplemented(
    message = "the fields of a VMA cannot be read at lock level `{Self}`",
    label = "needs the mmap lock or the VMA read lock",
    note = "an rmap lock alone permits to read the layout, `flags_racy()` and `page_prot_racy()`; \
            for the rest, keep `grab_mm()` and the address, release the rmap lock, and look the \
            VMA up under `VmaLocks::read()`; code for any other level takes `L: ReadFields`"
)]
pub unsafe trait ReadFields: ReadLayout {}

/// Most fields of the VMA may be written ("Write most?" in the lock-state table).
///
/// # Safety
///
/// Implement this only for a level that holds the mmap write lock and the VMA write lock.
#[diagnostic::on_unimplemented(
    message = "the fields of a VMA cannot be written at lock level `{Self}`",
    label = "needs the mmap write lock and the VMA write lock",
    note = "call `start_write()` on a view that `VmaLocks::write()` gives; release other locks of \
            the address space before that; a callback that is handed its VMA takes none of these \
            locks: its caller holds one"
)]
pub unsafe trait WriteMost: ReadFields + ReachMm {}

/// All fields of the VMA may be written, and it may be moved ("Write all?" in the lock-state
/// table).
///
/// # Safety
///
/// Implement this only for a level that holds the mmap write lock, the VMA write lock and those
/// rmap locks that the VMA has, for writing.
#[diagnostic::on_unimplemented(
    message = "the layout of a VMA cannot be written at lock level `{Self}`",
    label = "needs the mmap, VMA and rmap write locks",
    note = "call `lock_rmap()` on a view that `start_write()` gives; a callback that is handed its \
            VMA takes none of these locks: its caller holds one"
)]
pub unsafe trait WriteAll: WriteMost {}

/// Page table entries of the VMA may be populated.
///
/// An rmap lock alone is not enough: `vms_clear_ptes()` zaps a range, and then frees its page
/// tables with whatever was installed in between while the VMA could still be found by rmap. It is
/// not offered under rmap locks either, because it allocates tables, and reclaim takes these locks.
///
/// # Safety
///
/// Implement this only for a level that holds the mmap lock or the VMA lock, and no rmap lock, of a
/// VMA whose page tables no other code is about to fill or free.
#[diagnostic::on_unimplemented(
    message = "page table entries cannot be installed at lock level `{Self}`",
    label = "needs the mmap lock or the VMA lock, of a VMA that is in the address space",
    note = "an rmap lock alone permits to walk and to zap; in `open` the pages come from the \
            original, and in `close` they are unmapped already; elsewhere use a view that \
            `VmaLocks::read()` or `VmaLocks::lock_vma()` gives, called with no lock of the address \
            space held"
)]
pub unsafe trait InstallEntries: ReadFields {}

/// The `Mm` of the VMA may be reached from the view.
///
/// `dup_mmap()` takes the tree of a fork's child out of RCU mode while it fills it, and frees the
/// nodes at once if the fork fails. A VMA of the child is handed to [`open`] and [`close`], and can
/// be found through the reverse mapping, while that goes on. A lookup without the mmap lock
/// (`lock_vma_under_rcu()`) must not meet such a tree, so at the levels of these there is
/// [`grab_mm()`](super::Vma::grab_mm) instead.
///
/// # Safety
///
/// Implement this only for a level of a VMA whose address space is not the child of a fork that is
/// still in `dup_mmap()`.
///
/// [`open`]: super::driver::VmaOperations::open
/// [`close`]: super::driver::VmaOperations::close
#[diagnostic::on_unimplemented(
    message = "the `Mm` of a VMA cannot be reached at lock level `{Self}`",
    label = "the address space may be the child of a fork that is not complete",
    note = "to compare, use `mm_id()`; to use the address space later, keep `grab_mm()` and call \
            `get_user()` on that when no lock is held"
)]
pub unsafe trait ReachMm: Stable {}

/// The VMA is attached, and the mmap lock or the VMA lock is held, at least for reading.
///
/// A view at such a level passes for one at the level [`Read`]. The other levels permit less than
/// [`Read`] does, although some of them hold the mmap lock: [`Rmap`], [`Setup`], [`Opening`],
/// [`Closing`] and [`RmapWrite`], under which no page table is allocated.
///
/// # Safety
///
/// Implement this only for a level under which the VMA is attached and that holds one of the two
/// locks, and no rmap lock. Such a level permits all that [`Read`] does.
#[diagnostic::on_unimplemented(
    message = "a view at lock level `{Self}` cannot be read as one at the level `Read`",
    label = "needs the mmap lock or the VMA lock, of a VMA that is in the address space",
    note = "`Read` permits to install page table entries, also to a driver's `name()`, which is \
            handed such a view; accessors of fields have bounds of their own, `ReadLayout` or \
            `ReadFields`, and need no `as_read()`"
)]
pub unsafe trait ReadHeld: InstallEntries + ReachMm {}

/// The mmap lock is held, for reading or for writing.
///
/// # Safety
///
/// Implement this only for a level that holds the mmap lock of an attached VMA.
#[diagnostic::on_unimplemented(
    message = "lock level `{Self}` does not hold the mmap lock",
    label = "needs the mmap lock",
    note = "use a view that `VmaLocks::read()` or `VmaLocks::write()` gives, called with no lock \
            of the address space held; a callback that is handed its VMA takes none of these \
            locks: its caller holds one"
)]
pub unsafe trait MmapHeld: ReadFields + ReachMm {}

/// The mmap lock is held for reading, and only for reading.
///
/// # Safety
///
/// Implement this only for a level that holds the mmap read lock and excludes that the same task
/// holds the mmap write lock: `vma_start_read_locked()` does not look at `vm_lock_seq`, it would
/// succeed on a VMA that its caller has write-locked.
#[diagnostic::on_unimplemented(
    message = "lock level `{Self}` does not hold the mmap read lock alone",
    label = "needs the mmap read lock",
    note = "take it with `VmaLocks::read()`, or turn the mmap write lock into it with `downgrade()`"
)]
pub unsafe trait MmapReadHeld: ReadHeld {}

/// The mmap lock is held for writing.
///
/// # Safety
///
/// Implement this only for a level that holds the mmap write lock.
#[diagnostic::on_unimplemented(
    message = "lock level `{Self}` does not hold the mmap write lock",
    label = "needs the mmap write lock",
    note = "use a view that `VmaLocks::write()` gives, called with no lock of the address space \
            held; a VMA write lock cannot be taken under a read lock; a callback that is handed \
            its VMA takes none of these locks: its caller holds one"
)]
pub unsafe trait MmapWriteHeld: ReadHeld {}

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
pub unsafe trait MmapLevel: ReadHeld {
    /// Releases the mmap lock.
    ///
    /// # Safety
    ///
    /// The calling task must hold the mmap lock of `mm` in the mode that `Self` stands for, and
    /// must not rely on holding it, or on any VMA write lock of `mm`, afterwards.
    #[doc(hidden)]
    unsafe fn unlock(mm: &MmWithUser);
}

macro_rules! held {
    (-) => {
        Held::No
    };
    (R) => {
        Held::Read
    };
    (W) => {
        Held::Write
    };
}

/// Each level: how the mmap lock, the VMA lock and the rmap locks are held at least, `-`, `R` or
/// `W`, and the kernel's own assertion of that.
macro_rules! levels {
    ($(
        $(#[$meta:meta])*
        $level:ident = $([$mmap:tt, $vma_lock:tt, $rmap:tt])|+, |$vma:ident| $assert:expr;
    )*) => {$(
        $(#[$meta])*
        pub enum $level {}

        impl Level for $level {
            const NAME: &'static str = ::core::stringify!($level);
            const HELD: &'static [LockState] = &[$(LockState {
                mmap: held!($mmap),
                vma: held!($vma_lock),
                rmap: held!($rmap),
            }),+];
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
    /// A reverse-mapping lock is held that the VMA was found under, and nothing else.
    ///
    /// Given out by a walk of the reverse mapping, `vmas()` of an [`IMmapGuard`] or an
    /// [`AnonVmaGuard`]. The VMA cannot go away and its extent is exact. It may already be
    /// detached, and everything else may change: `mprotect()` and `mlock()` write the flags and the
    /// page protection under the mmap and VMA write locks only.
    ///
    /// [`IMmapGuard`]: super::rmap::IMmapGuard
    /// [`AnonVmaGuard`]: super::rmap::AnonVmaGuard
    Rmap = [-, -, R], |vma| bindings::vma_assert_rmap_locked(vma);

    /// The VMA read lock is held, the mmap lock is not.
    ///
    /// Taken by [`lock_vma_under_rcu()`](super::VmaLocks::lock_vma_under_rcu) and by
    /// [`lock_vma()`](super::MmapGuard::lock_vma) under the mmap read lock.
    VmaRead = [-, R, -], |vma| bindings::vma_assert_locked(vma);

    /// The mmap read lock is held.
    ///
    /// Taken by [`VmaLocks::read()`](super::VmaLocks::read) and its variants.
    MmapRead = [R, -, -], |vma| bindings::mmap_assert_locked((*vma).vm_mm);

    /// A read lock is held: the mmap read lock or the VMA read lock.
    ///
    /// A view of an attached VMA turns into this one with
    /// [`Vma::as_read()`](super::Vma::as_read), and
    /// [`VmaLocks::lock_vma()`](super::VmaLocks::lock_vma) gives it at once.
    Read = [R, -, -] | [-, R, -], |vma| bindings::vma_assert_stabilised(vma);

    /// The mmap lock is held, at least for reading, and no other task can find the VMA, because it
    /// is detached.
    ///
    /// The state in which [`close`](super::driver::VmaOperations::close) is called: the VMA is out
    /// of the address space and unmapped, and about to be freed.
    Closing = [R, -, -], |vma| bindings::mmap_assert_locked((*vma).vm_mm);

    /// The mmap write lock is held, the VMA is not write-locked.
    ///
    /// Taken by [`VmaLocks::write()`](super::VmaLocks::write) and its variants. Page faults and
    /// other VMA readers still run.
    MmapWrite = [W, -, -], |vma| bindings::mmap_assert_write_locked((*vma).vm_mm);

    /// The mmap write lock is held, and no other task can find the VMA, because it is not yet
    /// attached.
    ///
    /// The state in which a driver's mmap hook is called: `mmap_region()` has made the VMA, but
    /// neither attached it to the address space nor linked it into the reverse mapping.
    Setup = [W, -, -], |vma| bindings::mmap_assert_write_locked((*vma).vm_mm);

    /// The mmap write lock is held, and the VMA is a copy that no other task can find yet.
    ///
    /// The state in which [`open`](super::driver::VmaOperations::open) is called, by a fork, a
    /// split or `mremap()`. Nothing can be mapped: the pages of the original are copied or moved
    /// next, and `copy_page_range()` and `move_page_tables()` expect empty page tables.
    Opening = [W, -, -], |vma| bindings::mmap_assert_write_locked((*vma).vm_mm);

    /// The mmap write lock is held and the VMA is write-locked.
    ///
    /// Taken by [`Vma::start_write()`](super::Vma::start_write).
    VmaWrite = [W, W, -], |vma| bindings::vma_assert_write_locked(vma);

    /// The mmap write lock is held, the VMA is write-locked, and so are its reverse mappings: its
    /// file's, if it has a file, and its anonymous one, if it had that when the locks were taken.
    ///
    /// Taken by `Vma::lock_rmap()`.
    RmapWrite = [W, W, W], |vma| {
        bindings::vma_assert_write_locked(vma);
        bindings::vma_assert_rmap_write_locked(vma);
    };
}

// SAFETY: A VMA is unlinked from its reverse mappings, under their write locks, before it is freed
// and before its page tables are, see `free_pgtables()`. The task that unmaps it holds a reference
// to its `mm_struct` until then.
unsafe impl Stable for Rmap {}
// SAFETY: Detaching a VMA takes its VMA write lock and then waits for its readers to leave, see
// `vma_mark_detached()`; the VMA read lock holds that off. A VMA that is attached belongs to a
// live `mm_struct`: `exit_mmap()` detaches all of them before it is freed. Page tables of a VMA
// are freed after it was detached.
unsafe impl Stable for VmaRead {}
// SAFETY: VMAs are attached to and detached from an address space under its mmap write lock, which
// the mmap read lock excludes. The rest as for `VmaRead`.
unsafe impl Stable for MmapRead {}
// SAFETY: This level holds one of `VmaRead` and `MmapRead`, and both are `Stable`.
unsafe impl Stable for Read {}
// SAFETY: The VMA belongs to the call of `dup_mmap()`, `__split_vma()` or `copy_vma()` that made
// it. That call has a reference to the `mm_struct`, and holds its write lock.
unsafe impl Stable for Opening {}
// SAFETY: The VMA belongs to the call of `vma_close()` that has the view, and is freed after that.
// The mmap lock is held, so no table of the address space is freed.
unsafe impl Stable for Closing {}
// SAFETY: VMAs are attached and detached under the mmap write lock. It is held by the task that has
// the view, and that task only detaches through operations that borrow its guard mutably.
unsafe impl Stable for MmapWrite {}
// SAFETY: The VMA belongs to the call of `mmap_region()` that made it; it is freed, if at all,
// after the hook has returned. That call has a reference to the `mm_struct`, and holds its write
// lock.
unsafe impl Stable for Setup {}
// SAFETY: As for `MmapWrite`.
unsafe impl Stable for VmaWrite {}
// SAFETY: As for `MmapWrite`.
unsafe impl Stable for RmapWrite {}

// SAFETY: A task that changes the extent of a VMA that can be found through a reverse mapping holds
// the write lock of that mapping, because it re-sorts the VMA: see `vma_prepare()` and
// `expand_downwards()`.
unsafe impl ReadLayout for Rmap {}
// SAFETY: A task that changes the extent calls `vma_start_write()`, which waits for VMA readers.
unsafe impl ReadLayout for VmaRead {}
// SAFETY: A task that changes the extent holds the mmap write lock, which is excluded. Stacks are
// no exception, see `mmap_read_lock_maybe_expand()`.
unsafe impl ReadLayout for MmapRead {}
// SAFETY: This level holds one of `VmaRead` and `MmapRead`, and both are `ReadLayout`.
unsafe impl ReadLayout for Read {}
// SAFETY: No other task can find the VMA. In a fork it is in the tree of a child, which no other
// task knows yet.
unsafe impl ReadLayout for Opening {}
// SAFETY: No other task can find the VMA.
unsafe impl ReadLayout for Closing {}
// SAFETY: Changing the extent takes the mmap write lock, which the task that has the view holds.
unsafe impl ReadLayout for MmapWrite {}
// SAFETY: No other task can find the VMA.
unsafe impl ReadLayout for Setup {}
// SAFETY: As for `MmapWrite`.
unsafe impl ReadLayout for VmaWrite {}
// SAFETY: As for `MmapWrite`.
unsafe impl ReadLayout for RmapWrite {}

// SAFETY: Plainly read fields are written under the mmap write lock and the VMA write lock, and
// `vma_start_write()` waits for VMA readers. `vm_file` is put only after the VMA was detached.
unsafe impl ReadFields for VmaRead {}
// SAFETY: Plainly read fields are written under the mmap write lock, which is excluded.
unsafe impl ReadFields for MmapRead {}
// SAFETY: This level holds one of `VmaRead` and `MmapRead`, and both are `ReadFields`.
unsafe impl ReadFields for Read {}
// SAFETY: As for `ReadLayout`. Its `vm_file` has a reference that is its own, or, in `dup_mmap()`,
// the original's, which stays for as long as the mmap lock of that one is held.
unsafe impl ReadFields for Opening {}
// SAFETY: No other task can find the VMA. `vm_file` is put after `vma_close()`, see `remove_vma()`.
unsafe impl ReadFields for Closing {}
// SAFETY: The mmap write lock, which every writer of a plainly read field needs, is held by the
// task that has the view.
unsafe impl ReadFields for MmapWrite {}
// SAFETY: No other task can find the VMA. Its `vm_file` has its reference before the hook is
// called, see `__mmap_new_file_vma()`.
unsafe impl ReadFields for Setup {}
// SAFETY: As for `MmapWrite`.
unsafe impl ReadFields for VmaWrite {}
// SAFETY: As for `MmapWrite`.
unsafe impl ReadFields for RmapWrite {}

// SAFETY: Both write locks are held.
unsafe impl WriteMost for VmaWrite {}
// SAFETY: Both write locks are held.
unsafe impl WriteMost for RmapWrite {}

// SAFETY: All write locks are held.
unsafe impl WriteAll for RmapWrite {}

// SAFETY: The VMA lock is held.
unsafe impl InstallEntries for VmaRead {}
// SAFETY: The mmap lock is held.
unsafe impl InstallEntries for MmapRead {}
// SAFETY: One of the two is held.
unsafe impl InstallEntries for Read {}
// SAFETY: The mmap lock is held.
unsafe impl InstallEntries for MmapWrite {}
// SAFETY: The mmap lock is held. It is where `remap_pfn_range()` is called.
unsafe impl InstallEntries for Setup {}
// SAFETY: The mmap lock is held.
unsafe impl InstallEntries for VmaWrite {}

// SAFETY: To read-lock a VMA, a task needs the `MmWithUser`. It has it from a view at a level with
// this trait, from `GrabbedMm`, which waits for `dup_mmap()`, or from the task that runs there,
// which no other task can find before `copy_mm()` has returned.
unsafe impl ReachMm for VmaRead {}
// SAFETY: The mmap lock is held, by a task that is not in `dup_mmap()`; that one keeps it for
// writing until the tree is complete, or empty.
unsafe impl ReachMm for MmapRead {}
// SAFETY: One of the two is held.
unsafe impl ReachMm for Read {}
// SAFETY: As for `MmapRead`.
unsafe impl ReachMm for MmapWrite {}
// SAFETY: `mmap_region()` maps into an address space that has been running: that of the current
// task, or one that another task has reached.
unsafe impl ReachMm for Setup {}
// SAFETY: As for `MmapRead`. In `dup_mmap()` a driver gets views at the level `Opening` and, if the
// fork fails, `Closing` only.
unsafe impl ReachMm for VmaWrite {}
// SAFETY: As for `VmaWrite`.
unsafe impl ReachMm for RmapWrite {}

// SAFETY: The VMA is attached and read-locked.
unsafe impl ReadHeld for VmaRead {}
// SAFETY: The VMA is attached and the mmap read lock is held.
unsafe impl ReadHeld for MmapRead {}
// SAFETY: The VMA is attached and one of the two is held.
unsafe impl ReadHeld for Read {}
// SAFETY: The VMA is attached and the mmap write lock is held.
unsafe impl ReadHeld for MmapWrite {}
// SAFETY: As for `MmapWrite`.
unsafe impl ReadHeld for VmaWrite {}

// SAFETY: The mmap read lock is held.
unsafe impl MmapHeld for MmapRead {}
// SAFETY: The mmap write lock is held.
unsafe impl MmapHeld for MmapWrite {}
// SAFETY: The mmap write lock is held.
unsafe impl MmapHeld for VmaWrite {}
// SAFETY: The mmap write lock is held.
unsafe impl MmapHeld for RmapWrite {}

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
