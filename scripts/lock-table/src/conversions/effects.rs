// SPDX-License-Identifier: GPL-2.0

//! Functions that take a lock on the way from one view to another, and locks that C callers hold.

use crate::model::{Held, LockState};

pub enum Effect {
    /// Acquires one of these in addition to the locks held, of which it releases none.
    Takes(&'static [LockState]),
    /// Gives up what it consumes for this.
    Exchanges(&'static [LockState]),
    /// Holds this, by itself, also when what it was taken under is released.
    HandsOver(&'static [LockState]),
}

use Effect::{Exchanges, HandsOver, Takes};

const fn state(mmap: Held, vma: Held, rmap: Held) -> LockState {
    LockState { mmap, vma, rmap }
}

const MMAP_READ: LockState = state(Held::Read, Held::None, Held::None);
const MMAP_WRITE: LockState = state(Held::Write, Held::None, Held::None);
const VMA_READ: LockState = state(Held::None, Held::Read, Held::None);
const VMA_WRITE: LockState = state(Held::None, Held::Write, Held::None);
const RMAP_READ: LockState = state(Held::None, Held::None, Held::Read);
const RMAP_WRITE: LockState = state(Held::None, Held::None, Held::Write);

/// Whichever of the two can be had.
const READ: &[LockState] = &[MMAP_READ, VMA_READ];

/// By place. The lock of each is that of the C function that it is named after, or says it calls.
pub const EFFECTS: &[(&str, Effect)] = &[
    // The mmap lock, from a scope that holds nothing.
    ("lock/scope.rs: VmaLocks::read", Takes(&[MMAP_READ])),
    ("lock/scope.rs: VmaLocks::read_trylock", Takes(&[MMAP_READ])),
    (
        "lock/scope.rs: VmaLocks::read_killable",
        Takes(&[MMAP_READ]),
    ),
    ("lock/scope.rs: VmaLocks::write", Takes(&[MMAP_WRITE])),
    (
        "lock/scope.rs: VmaLocks::write_killable",
        Takes(&[MMAP_WRITE]),
    ),
    (
        "lock/scope.rs: VmaLocks::write_nested",
        Takes(&[MMAP_WRITE]),
    ),
    // mmap_write_downgrade()
    (
        "lock/mmap_guard.rs: MmapGuard::downgrade",
        Exchanges(&[MMAP_READ]),
    ),
    // The VMA read lock, or the mmap lock where it cannot be had.
    (
        "lock/scope.rs: VmaLocks::lock_vma_under_rcu",
        Takes(&[VMA_READ]),
    ),
    ("lock/scope.rs: VmaLocks::lock_vma", Takes(READ)),
    ("lock/scope.rs: VmaLocks::lock_vma_killable", Takes(READ)),
    ("lock/scope.rs: VmaLocks::lock_next_vma", Takes(READ)),
    (
        "lock/vma_guard.rs: VmaGuard::lock_under_rcu",
        Takes(&[VMA_READ]),
    ),
    ("walk/cursor.rs: VmaLocks::cursor", Takes(READ)),
    ("walk/cursor.rs: VmaCursor::new", Takes(READ)),
    ("walk/cursor.rs: lock_next", Takes(READ)),
    ("walk/cursor.rs: lock_under_mmap_lock", Takes(READ)),
    (
        "walk/cursor/no_vma_lock.rs: try_lock_next",
        Takes(&[VMA_READ]),
    ),
    ("walk/cursor/vma_lock.rs: try_lock_next", Takes(&[VMA_READ])),
    ("walk/cursor/vma_lock.rs: search", Takes(&[VMA_READ])),
    // Several of them. A guard of none holds none, and has no view.
    (
        "lock/locked_vmas.rs: VmaLocks::lock_vmas",
        Takes(&[VMA_READ]),
    ),
    (
        "lock/locked_vmas.rs: VmaLocks::lock_vmas_killable",
        Takes(&[VMA_READ]),
    ),
    ("lock/locked_vmas.rs: LockedVmas::none", Takes(&[VMA_READ])),
    (
        "lock/locked_vmas.rs: LockedVmas::try_lock",
        Takes(&[VMA_READ]),
    ),
    // vma_start_read_locked() under the mmap read lock, which may be released before the VMA lock.
    (
        "lock/locked_vmas.rs: LockedVmas::lock_under",
        HandsOver(&[VMA_READ]),
    ),
    (
        "lock/mmap_guard.rs: MmapGuard::lock_vma",
        HandsOver(&[VMA_READ]),
    ),
    (
        "lock/mmap_guard.rs: MmapGuard::lock_vma_nested",
        HandsOver(&[VMA_READ]),
    ),
    // vma_start_write(); the last only looks whether that was done.
    ("lock/vma_write.rs: Vma::start_write", Takes(&[VMA_WRITE])),
    (
        "lock/vma_write.rs: Vma::start_write_killable",
        Takes(&[VMA_WRITE]),
    ),
    (
        "lock/vma_write.rs: Vma::as_write_locked",
        Takes(&[VMA_WRITE]),
    ),
    // The locks of reverse mappings.
    ("rmap/tree.rs: RmapTree::lock_read", Takes(&[RMAP_READ])),
    ("rmap/tree.rs: RmapTree::trylock_read", Takes(&[RMAP_READ])),
    ("rmap/tree.rs: RmapTree::lock_write", Takes(&[RMAP_WRITE])),
    (
        "rmap/tree.rs: RmapTree::lock_write_after",
        Takes(&[RMAP_WRITE]),
    ),
    (
        "rmap/tree.rs: RmapTree::trylock_write",
        Takes(&[RMAP_WRITE]),
    ),
    ("rmap/tree.rs: RmapTreeGuard::new", Takes(&[RMAP_READ])),
    ("rmap/write.rs: Vma::lock_rmap", Takes(&[RMAP_WRITE])),
];

/// Traits for diagnostics, in addition to those that `decoys!` declares: nothing implements them, so a function that asks
/// for one cannot be called.
pub const NEVER: &[&str] = &["HeldByAnyTask"];

/// Functions that make a view for themselves and give none out.
pub const INSIDE: &[&str] = &["lock/locked_vmas.rs: LockedVmas::find"];

/// Methods of views, and macros, that reach a field of the C struct and are in no row of a table.
pub const REACH: &[&str] = &[
    // The data of the driver's own VMA.
    "driver/driver_vma.rs: Vma::downcast",
    // For set_flags() and clear_flags().
    "field.rs: Vma::store_flags",
    // lockdep's assertions
    "level.rs: levels!",
    "lock/vma_write.rs: Vma::is_write_locked",
    // `vm_mm`, which is written once, as more than an address.
    "mm/grabbed.rs: Vma::grab_mm",
    "mm/grabbed.rs: Vma::mm",
];

/// Each callback of a driver with the level that its C callers hold; see the table in `driver.rs`.
pub const CALLBACKS: &[(&str, &str)] = &[
    ("open", "Opening"),
    ("close", "Closing"),
    ("may_split", "MmapWrite"),
    ("mremap", "VmaWrite"),
    ("mprotect", "MmapWrite"),
    ("access", "MmapRead"),
    ("name", "Read"),
];
