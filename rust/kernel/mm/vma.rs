// SPDX-License-Identifier: GPL-2.0

//! Virtual memory areas, typed by the locks that are held.
//!
//! # The locking protocol
//!
//! An address space (`struct mm_struct`, [`MmWithUser`]) is described by its virtual memory areas
//! (`struct vm_area_struct`, VMA). Three kinds of locks protect them:
//!
//! - The *mmap lock*, one for the address space, a reader/writer semaphore. Holding it in either
//!   mode keeps every VMA stable: attached to the tree, allocated, readable.
//! - The *VMA lock*, one for each VMA. Read-locking it keeps that one VMA stable and readable. It
//!   never sleeps, but it can fail. Write-locking it needs the mmap write lock first, waits until
//!   the VMA's readers have left, and lasts until the mmap write lock is released or downgraded:
//!   all VMA write locks of an address space end at once.
//! - The *reverse-mapping locks* (rmap), of the file that a VMA maps and of its anonymous memory.
//!   They serve to find VMAs of any process by what they map, and keep a VMA that was found from
//!   being freed or moved.
//!
//! Writing most fields of a VMA takes both write locks; changing its extent takes the rmap write
//! locks as well. A task that holds a VMA read lock must not wait for the mmap lock, because the
//! writer that holds the mmap lock may wait for that VMA: a deadlock.
//!
//! The full rules are in
//! [`Documentation/mm/process_addrs.rst`](srctree/Documentation/mm/process_addrs.rst).
//!
//! # The protocol in types
//!
//! - [`VmaLocks`], the lock scope, stands for holding nothing. Every lock is taken from it, and the
//!   borrow checker rejects what would deadlock.
//! - [`MmapGuard`], [`VmaGuard`] and [`ReadGuard`] hold a lock.
//! - [`Vma<L>`] is a view of a VMA. It borrows the guard that protects it, and its [lock
//!   level](level) `L` says what is held: which fields can be read and written follows from it.
//! - [`driver`] has the VMAs that a driver sets up in its mmap hook, [`pin`] the user memory that a
//!   driver works on, and `notifier` (`CONFIG_MMU_NOTIFIER`) that which it mirrors.
//! - [`rmap`] has the locks and walks of the reverse mapping, [`page_table`] the operations on page
//!   tables.
//! - [`LockOrder`] is the order in which all locks are taken; [`order`] has the table.
//! - [`UnstableVma`] has the fields that can be read without any lock.
//!
//! ```
//! use kernel::mm::{vma::AdviceFlags, MmWithUser};
//!
//! /// Leaves the mapping at `addr` out of core dumps; returns its size in bytes.
//! fn dont_dump(mm: &MmWithUser, addr: usize) -> Option<usize> {
//!     let mut locks = mm.vma_locks(); // This context holds no lock of `mm`.
//!     let mmap = locks.write(); //       mmap write lock
//!     let vma = mmap.lookup(addr)?; //   &Vma<MmapWrite>: can be read
//!     let vma = vma.start_write(); //    &Vma<VmaWrite>: can be written
//!     vma.set_flags(AdviceFlags::DONTDUMP);
//!     let mmap = mmap.downgrade(); //    ends all VMA write locks; `vma` can no longer be used
//!     mmap.lookup(addr).map(|vma| vma.end() - vma.start())
//! }
//! # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
//! # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
//! # assert!(dont_dump(current!().mm().ok_or(EINVAL)?, 0).is_none());
//! # Ok::<(), Error>(())
//! ```
//!
//! `MmapReadGuard` and `VmaReadGuard`, which know only that some read lock is held, are left out of
//! a kernel with these, unless it has `CONFIG_RUST_VMA_UNTYPED`. The two sets can be used side by
//! side, but not nested.
//!
//! C headers: [`include/linux/mm_types.h`](srctree/include/linux/mm_types.h),
//! [`include/linux/mmap_lock.h`](srctree/include/linux/mmap_lock.h)
//!
//! [`MmWithUser`]: super::MmWithUser

use crate::{
    bindings,
    types::{
        NotThreadSafe,
        Opaque, //
    }, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};

pub(super) mod decoys;
mod dma_table;
pub mod driver;
mod field;
pub mod level;
mod lock;
mod mm;
#[cfg(not(CONFIG_RUST_VMA_MM))]
mod mm_only;
#[cfg(CONFIG_MMU_NOTIFIER)]
pub mod notifier;
pub mod page_table;
pub mod pin;
mod properties;
pub mod rmap;
mod shared_memory;
mod structure;
#[cfg(CONFIG_RUST_VMA_KUNIT_TEST)]
mod tests;
mod walk;
mod withheld;

#[cfg(all(CONFIG_NUMA_BALANCING, CONFIG_RUST_VMA_MM))]
pub use self::field::NumabState;
#[cfg(CONFIG_NUMA)]
pub use self::field::VmaPolicy;
pub use self::{
    driver::DriverVma,
    field::{
        AdviceFlags,
        AnonVmaName,
        InodeId,
        PageProt,
        UserfaultfdCtx,
        VmOps,
        VmRefcnt,
        VmaFlag,
        VmaFlags, //
    },
    level::{
        Closing,
        InstallEntries,
        Level,
        MmapHeld,
        MmapRead,
        MmapReadHeld,
        MmapWrite,
        MmapWriteHeld,
        Opening,
        ReachMm,
        Read,
        ReadFields,
        ReadHeld,
        ReadLayout,
        Rmap,
        RmapWrite,
        Setup,
        Stable,
        VmaRead,
        VmaWrite,
        WriteAll,
        WriteMost, //
    },
    lock::{
        order,
        HeldLock,
        LockOrder,
        LockSubclass,
        LockVmasError,
        LockableAtOnce,
        LockedVmas,
        MayReclaim,
        MmapGuard,
        ReadGuard,
        ReadLockError,
        VmaGuard, //
        VmaLocks,
    },
    mm::{
        AttachAccess,
        ForeignCursor,
        ForeignMm,
        ForeignMmRef,
        ForeignVma,
        GrabbedMm,
        MayAttach,
        MmAccess,
        MmId,
        NothingHeld,
        PtraceMode,
        ReadAccess, //
    },
    pin::PinnedPages,
    walk::{
        Area,
        Areas,
        LockCounts,
        Speculation,
        SpeculationError,
        SpeculativeVma,
        UnstableVma,
        VmaCursor,
        Vmas, //
    },
};

/// A view of a `struct vm_area_struct`, held by a task that holds the locks of the level `L`.
///
/// A view only ever exists behind a shared reference, which borrows the guard of the lock. It
/// cannot be sent to or shared with another task.
///
/// A view at a write level is like a [`Cell`](core::cell::Cell): shared, single-threaded, and
/// written by setters that copy values in. So any number of VMAs, or one of them several times,
/// can be write-locked in one transaction, as in C.
///
/// # Invariants
///
/// For as long as a reference to the view lives, the task that has it holds the locks that the
/// level `L` stands for, and the VMA is neither freed nor reused. It is attached to its address
/// space, except at [`Setup`] and [`Opening`] (not yet attached), [`Closing`] (detached) and
/// [`Rmap`] (possibly detached).
#[repr(transparent)]
pub struct Vma<L: Level> {
    vma: Opaque<bindings::vm_area_struct>,
    _level: PhantomData<L>,
    // Locks are held by a task, so what they protect is for that task alone.
    _nts: NotThreadSafe,
}

/// The locks of the level are held by all tasks, not by one.
///
/// No level implements this trait. It carries the message for views, which are neither `Send` nor
/// `Sync`.
///
/// # Safety
///
/// Implement this only for a level whose views may be used by a task that has taken no lock, and
/// may end in one.
#[diagnostic::on_unimplemented(
    message = "a view of a VMA belongs to the task that holds its lock",
    label = "would be used by another task, or kept for longer than the lock",
    note = "keep the `ARef<Mm>` and the address, and look the VMA up again under a lock; a driver \
            asks with `downcast::<Ops>()` whether it is still its own"
)]
pub unsafe trait HeldByAnyTask: Level {}

// SAFETY: By `L: HeldByAnyTask`, which no level has.
unsafe impl<L: HeldByAnyTask> Send for Vma<L> {}
// SAFETY: By `L: HeldByAnyTask`, which no level has.
unsafe impl<L: HeldByAnyTask> Sync for Vma<L> {}

impl<L: Level> Vma<L> {
    /// Makes a view from a pointer, for abstractions that get a locked VMA from C code.
    ///
    /// With `CONFIG_DEBUG_VM`, warns if the locks are not held.
    ///
    /// # Safety
    ///
    /// For `'a`, `vma` must point to a VMA that is attached, except at the levels [`Setup`],
    /// [`Opening`], [`Closing`] and [`Rmap`], and the calling task must hold the locks that `L`
    /// stands for.
    #[inline]
    pub unsafe fn from_raw<'a>(vma: *const bindings::vm_area_struct) -> &'a Self {
        #[cfg(CONFIG_DEBUG_VM)]
        // SAFETY: The caller keeps the VMA and its mm alive.
        unsafe {
            L::assert_held(vma.cast_mut())
        };

        // SAFETY: The caller keeps the VMA valid for 'a. The types have the same layout by
        // `repr(transparent)`.
        // INVARIANT: The caller holds the locks for 'a.
        unsafe { &*vma.cast() }
    }

    /// Returns the C type, for abstractions that pass it to C code.
    #[inline]
    pub fn as_raw(&self) -> *mut bindings::vm_area_struct {
        self.vma.get()
    }

    #[inline]
    fn as_non_null(&self) -> NonNull<bindings::vm_area_struct> {
        NonNull::from(self).cast()
    }

    /// Converts this view into one at the level [`Read`], which does not say which lock is held.
    ///
    /// For code that accepts either lock and is not generic. A VMA that is being set up, copied or
    /// closed, or that was found through a reverse mapping, cannot be converted: these levels
    /// permit less than [`Read`] does.
    #[inline]
    pub fn as_read(&self) -> &Vma<Read>
    where
        L: ReadHeld,
    {
        // SAFETY: By `L: ReadHeld` the VMA is attached, and the mmap lock or its VMA lock is held
        // for as long as `self` is borrowed.
        unsafe { Vma::from_raw(self.as_raw()) }
    }
}
