// SPDX-License-Identifier: GPL-2.0

//! Allocation of memory under the locks of this module.
//!
//! An allocation with `GFP_KERNEL` may reclaim pages, and reclaim takes the reverse-mapping locks
//! to find out where a page is mapped (`rmap_walk_file()`, `rmap_walk_anon()`). A task that holds
//! one of them and waits for memory can wait for itself. So the calls of this module that allocate
//! ask for a [`LockOrder`](super::LockOrder) whose innermost lock comes before the reverse-mapping
//! locks.

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
