// SPDX-License-Identifier: GPL-2.0

//! Allocation of memory under the locks of this module.
//!
//! An allocation with `GFP_KERNEL` may reclaim pages, and reclaim takes the reverse-mapping locks
//! to find where a page is mapped (`rmap_walk_file()`, `rmap_walk_anon()`). A task that holds one
//! of them and waits for memory can wait for itself.
//!
//! A guard lends its view and a [`LockOrder`](super::LockOrder) together, so a view can be used
//! while a reverse mapping is locked. Therefore the calls on a view that allocate borrow a
//! `LockOrder`, whose innermost lock must come before the reverse-mapping locks. Pinning is a call
//! on a guard, and borrows that. Fault handlers and mmap hooks are lent no order, so their calls
//! borrow none.
//!
//! The compiler accepts a second `LockOrder::new()` while a lock is held, and allocations that the
//! caller makes: lockdep reports them, see [`order`](super::order).

use super::order::{
    LockClass,
    MmapLock,
    Nothing,
    VmaLock, //
};

/// Memory may be allocated while a lock of this class is the innermost one that is held.
///
/// This trait is sealed: no type outside of [`order`](super::order) is a [`LockClass`].
#[diagnostic::on_unimplemented(
    message = "memory cannot be allocated while `{Self}` is held",
    label = "allocates memory, which can wait for reclaim",
    note = "reclaim takes the reverse-mapping locks: release the lock of the class `{Self}`, or \
            make this call before it is taken"
)]
pub trait MayReclaim: LockClass {}

impl MayReclaim for Nothing {}
impl MayReclaim for MmapLock {}
impl MayReclaim for VmaLock {}
