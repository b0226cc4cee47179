// SPDX-License-Identifier: GPL-2.0

//! The mmap lock and the VMA locks: how they are taken, their guards, and the order of all locks.
//!
//! - [`VmaLocks`], the lock scope, is where every lock of an address space is taken.
//! - `mmap_guard` has the guards of the mmap lock, `vma_guard` the guard of a VMA read lock,
//!   `read_guard` the guard of one or the other, and `locked_vmas` the guard of several VMAs.
//! - `vma_write` has the VMA write lock, which has no guard.
//! - [`order`] is the order of locks, and `reclaim` the rule for allocations in it.
//! - `missing_lock` has the compile-time diagnostics for a lock that is not held.
//!
//! The locks of the reverse mapping are in [`rmap`](super::rmap).

mod locked_vmas;
mod missing_lock;
mod mmap_guard;
pub mod order;
mod read_guard;
mod reclaim;
mod scope;
mod vma_guard;
mod vma_write;

pub use self::{
    locked_vmas::{
        LockVmasError,
        LockableAtOnce,
        LockedVmas, //
    },
    mmap_guard::MmapGuard,
    order::LockOrder,
    read_guard::{
        HeldLock,
        ReadGuard, //
    },
    reclaim::MayReclaim,
    scope::{
        LockSubclass,
        VmaLocks, //
    },
    vma_guard::{
        ReadLockError,
        VmaGuard, //
    },
};
