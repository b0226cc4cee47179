// SPDX-License-Identifier: GPL-2.0

//! The order in which the locks of this module are taken.
//!
//! From the outside to the inside:
//!
//! 1. the mmap lock,
//! 2. the VMA lock, for reading or writing,
//! 3. `i_mmap`, the lock of a file's mappings,
//! 4. the `anon_vma` lock, of the mappings of anonymous memory,
//! 5. the spinlocks of page tables.
//!
//! A [`LockOrder`] names the innermost lock that is held. A call that takes a lock borrows it, and
//! the guard gives out the next one, from which only nested locks can be taken. It has no size and
//! no cost at run time.
//!
//! | held       | mmap      | VMA read  | VMA write | `i_mmap`  | `anon_vma` | page table |
//! |------------|-----------|-----------|-----------|-----------|------------|------------|
//! | mmap read  | compiler  | ok        | compiler  | ok        | ok         | ok         |
//! | mmap write | compiler  | compiler  | ok        | ok        | ok         | ok         |
//! | VMA read   | compiler  | ok        | compiler  | ok        | ok         | ok         |
//! | VMA write  | compiler  | compiler  | ok        | ok        | ok         | ok         |
//! | `i_mmap`   | compiler  | ok        | lockdep   | compiler  | ok         | ok         |
//! | `anon_vma` | compiler  | ok        | lockdep   | compiler  | compiler   | ok         |
//! | page table | compiler  | ok        | lockdep   | sleep     | sleep      | lockdep    |
//!
//! Calls that return no guard of this module can wait for these locks, too:
//!
//! | held       | `UserSlice` | `GFP_KERNEL` | last `mmput` |
//! |------------|-------------|--------------|--------------|
//! | mmap read  | lockdep     | ok           | lockdep      |
//! | mmap write | lockdep     | ok           | lockdep      |
//! | VMA read   | lockdep     | ok           | lockdep      |
//! | VMA write  | lockdep     | ok           | lockdep      |
//! | `i_mmap`   | lockdep     | lockdep      | lockdep      |
//! | `anon_vma` | lockdep     | lockdep      | lockdep      |
//! | page table | sleep       | sleep        | sleep        |
//!
//! "ok" is the right order, or a lock that never makes a task wait: read-locking a VMA either
//! succeeds or fails at once. Calls that may wait for the mmap lock first, such as
//! [`lock_vma()`](super::VmaLocks::lock_vma), count as the mmap lock.
//!
//! # What the compiler does not find
//!
//! The compiler finds locks that are taken from one `LockOrder`, or one lock scope. To make a
//! second one, by [`LockOrder::new()`] or [`vma_locks()`](crate::mm::MmWithUser::vma_locks), is to
//! say that nothing is held. Both are safe functions that can be called anywhere, so the compiler
//! cannot reject a false statement. A deadlock is then possible, and these checks report the order,
//! each only in a kernel that is built with it, and only if the code runs:
//!
//! - "lockdep" (`CONFIG_PROVE_LOCKING`) knows the right order once it has seen it.
//! - "sleep" is `might_sleep()` (`CONFIG_DEBUG_ATOMIC_SLEEP`), under a spinlock or inside an RCU
//!   read-side critical section.
//!
//! They also stand where one `LockOrder` is enough. A VMA can be write-locked while the guard of
//! the mmap write lock lends itself and the order. A closure runs with a page table locked, and can
//! use views and a `LockOrder` from outside: to write-lock a VMA, to lock a reverse mapping, or to
//! walk another page table, whose lock may be the same.
//!
//! As to the calls of the second table:
//!
//! - Reads and writes of user memory may fault, and a fault takes the mmap lock of the current
//!   task's mm. Copy to a kernel buffer before the lock is taken, or after it is released.
//! - Allocations with `GFP_KERNEL` may reclaim memory, and reclaim takes reverse-mapping locks.
//!   Lockdep knows that only once reclaim has walked a reverse mapping. Allocate before. Calls on a
//!   view that allocate, as for page tables, borrow the `LockOrder`: the compiler refuses one whose
//!   innermost lock is a reverse-mapping lock ([`MayReclaim`](super::MayReclaim)), and lockdep
//!   reports a second one.
//! - The last `mmput()`, which is the drop of an [`ARef<MmWithUser>`](crate::mm::MmWithUser), tears
//!   the address space down: it takes the mmap lock, and the reverse-mapping locks for writing. The
//!   order is reported only if the reference was really the last one. Drop the reference when the
//!   lock is released, or turn it into an `MmWithUserAsync` by
//!   [`into_mmput_async()`](crate::mm::MmWithUser::into_mmput_async): its last drop leaves that
//!   work to a workqueue. The same holds in a shrinker, where the lock held is that of reclaim.
//!
//! # Callbacks
//!
//! The kernel calls the operations of a driver with locks held. No guard and no `LockOrder` is lent
//! to them, and `current!().mm()` is at hand, so none of the cells "compiler" in the columns "mmap"
//! and "`UserSlice`" apply inside a callback: lockdep reports them.
//!
//! | callback       | held                    |
//! |----------------|-------------------------|
//! | `open`         | mmap write              |
//! | `close`        | mmap read or mmap write |
//! | `mapped`       | mmap write              |
//! | `may_split`    | mmap write              |
//! | `mremap`       | VMA write               |
//! | `mprotect`     | mmap write              |
//! | `fault`        | mmap read or VMA read   |
//! | `huge_fault`   | mmap read or VMA read   |
//! | `map_pages`    | RCU                     |
//! | `page_mkwrite` | mmap read or VMA read   |
//! | `pfn_mkwrite`  | mmap read or VMA read   |
//! | `access`       | mmap read               |
//! | `name`         | RCU                     |
//!
//! A fault handler that waits for the mmap lock of its own mm deadlocks with a writer that waits
//! meanwhile: for the mmap lock, which is fair, or for the VMA. A handler that needs the mmap lock
//! first gives up its own: after [`Fault::release()`] nothing is held, and the fault is retried.
//!
//! "RCU" is the mmap lock or the VMA lock inside an RCU read-side critical section, in which
//! nothing may sleep: `do_fault_around()` calls `map_pages` in one, and `/proc/PID/maps` calls
//! `name`.
//!
//! The order is that of the comments at the top of [`mm/rmap.c`](srctree/mm/rmap.c) and
//! [`mm/filemap.c`](srctree/mm/filemap.c). This module does not know the other locks in these
//! comments, such as folio locks.
//!
//! [`Fault::release()`]: super::super::driver::Fault::release

use super::VmaLocks;
use crate::{
    mm::MmWithUser,
    types::NotThreadSafe, //
};
use core::marker::PhantomData;

mod sealed {
    pub trait Sealed {}
}

/// Locks that have the same place in the order. This trait is sealed.
pub trait LockClass: sealed::Sealed + 'static {}

/// A lock of this class may be taken while a lock of the class `Held` is the innermost lock held.
///
/// This trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken while `{Held}` is held",
    label = "wrong order of locks",
    note = "the order is `MmapLock`, `VmaLock`, `IMmapLock`, `AnonVmaLock`, `PageTableLocks`: \
            release the lock of the class `{Held}`, or take this one before it"
)]
pub trait After<Held: LockClass>: LockClass {}

/// The classes, the outermost first.
macro_rules! lock_order {
    (@after $class:ident: $($held:ident)*) => {
        $(impl After<$held> for $class {})*
    };
    (@list [$($held:ident)*]) => {};
    (@list [$($held:ident)*] $(#[$meta:meta])* $class:ident; $($rest:tt)*) => {
        $(#[$meta])*
        pub enum $class {}
        impl sealed::Sealed for $class {}
        impl LockClass for $class {}
        lock_order!(@after $class: $($held)*);
        lock_order!(@list [$($held)* $class] $($rest)*);
    };
    ($($classes:tt)*) => {
        lock_order!(@list [] $($classes)*);
    };
}

lock_order! {
    /// No lock is held.
    Nothing;

    /// The mmap lock.
    MmapLock;

    /// The lock of a VMA, for reading or writing.
    VmaLock;

    /// The lock of a file's mappings.
    IMmapLock;

    /// The lock of the mappings of anonymous memory.
    AnonVmaLock;

    /// The spinlocks of page tables, `page_table_lock` among them.
    PageTableLocks;
}

/// Says that `Held` is the innermost lock that the calling task holds, of those known here.
///
/// # Examples
///
/// ```
/// use kernel::{fs::LocalFile, mm::{vma::{rmap::IMmap, LockOrder}, MmWithUser}};
///
/// /// Whether a file is mapped anywhere at all, and, if so, by this process.
/// fn is_mapped(file: &LocalFile, mm: &MmWithUser) -> (bool, bool) {
///     let mut order = LockOrder::new();
///
///     let anywhere = IMmap::of(file).lock_read(&mut order).vmas(0..=usize::MAX).next().is_some();
///     // That lock is released, or this would not compile.
///     let mut locks = order.vma_locks(mm);
///     let here = locks.read().vmas().any(|vma| {
///         vma.file().is_some_and(|other| core::ptr::eq(IMmap::of(other), IMmap::of(file)))
///     });
///     (anywhere, here)
/// }
/// ```
pub struct LockOrder<'a, Held: LockClass = Nothing> {
    // The guard of the lock `Held`, from which this was borrowed.
    _held: PhantomData<&'a mut Held>,
    // Locks are held by a task.
    _nts: NotThreadSafe,
}

impl LockOrder<'_> {
    /// Begins with no lock held.
    ///
    /// The caller should hold none of the locks in the table. That is not checked here. If it is
    /// not so, locks can be taken in the wrong order, which can deadlock, and which lockdep
    /// reports, but which cannot corrupt memory.
    #[inline]
    #[expect(clippy::new_without_default)]
    pub fn new() -> Self {
        Self::holding()
    }
}

impl<Held: LockClass> LockOrder<'_, Held> {
    /// For guards: what is borrowed from them while they hold `Held`.
    #[inline]
    pub(in crate::mm::vma) fn holding() -> Self {
        Self {
            _held: PhantomData,
            _nts: NotThreadSafe,
        }
    }

    /// Starts a lock scope, from which the mmap lock and the VMA locks of an address space are
    /// taken; see [`VmaLocks`].
    #[inline]
    pub fn vma_locks<'o>(&'o mut self, mm: &'o MmWithUser) -> VmaLocks<'o>
    where
        MmapLock: After<Held>,
    {
        mm.vma_locks()
    }
}
