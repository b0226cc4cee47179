// SPDX-License-Identifier: GPL-2.0

//! Compile-time diagnostics for calls on the wrong type: an address space that may have no users, a
//! lock scope that holds no lock, a view of a single VMA.
//!
//! Each method has the name of one that the right type has; for the form, see `decoys`.

use super::{
    super::{
        decoys::decoys,
        driver::NotOfAnyVma,
        pin::{
            PinAccess,
            PinFor,
            PinnedPages, //
        },
        GrabbedMm,
        Level,
        MmapRead,
        MmapWrite,
        Vma, //
    },
    MmapGuard,
    VmaLocks, //
};
use crate::{
    error::Result,
    mm::Mm, //
};
use core::ops::Range;

decoys! {
    /// An address space that has users. [`MmWithUser`](crate::mm::MmWithUser) has methods of its
    /// own, which come first.
    #[diagnostic::on_unimplemented(
        message = "the address space may have no users, and its locks are taken only while it has \
                   some",
        label = "needs an `MmWithUser`",
        note = "call `mmget_not_zero()` on an `Mm`, or `get_user()` on a `GrabbedMm`, when no lock \
                is held; it returns `None` if the process has exited"
    )]
    trait HasUsers;

    impl[] Mm as Self {
        fn vma_locks() -> VmaLocks<'a>;
    }

    impl[] GrabbedMm as Self {
        fn vma_locks() -> VmaLocks<'a>;
    }

    /// Something that holds the mmap lock. Its guard has methods of its own.
    #[diagnostic::on_unimplemented(
        message = "VMAs are looked up under the mmap lock, and no lock is held here",
        label = "needs a guard of the mmap lock",
        note = "take the lock with `read()` or `write()` of the lock scope (`vma_locks()` of an \
                `MmWithUser`) and look the VMA up by its guard; `lock_vma()` of the scope looks \
                one VMA up and locks only that"
    )]
    trait MmapLocked;

    impl[] Mm as Self {
        fn lookup(usize) -> Option<&'a Vma<MmapRead>>;
        fn find_vma(usize) -> Option<&'a Vma<MmapRead>>;
    }

    impl[] VmaLocks<'_> as Self {
        fn lookup(usize) -> Option<&'a Vma<MmapRead>>;
        fn find_vma(usize) -> Option<&'a Vma<MmapRead>>;
    }

    /// Something that holds the mmap read lock. Its guard has methods of its own.
    #[diagnostic::on_unimplemented(
        message = "user pages are pinned under the mmap read lock, which is not held here",
        label = "needs an `MmapGuard<MmapRead>`, or a lock scope of which no lock is held",
        note = "call `pin_user_pages()` on the guard that `read()` of the lock scope returns, or \
                `pin_user_pages_fast()` on the lock scope; under a VMA lock or the mmap write \
                lock, pinning would wait for what is held"
    )]
    trait MmapReadLocked;

    impl[] VmaLocks<'_> as Self {
        fn pin_user_pages[A: PinAccess](Range<usize>, PinFor) -> Result<PinnedPages<A>>;
    }

    impl[] MmapGuard<'_, MmapWrite> as Self {
        fn pin_user_pages[A: PinAccess](Range<usize>, PinFor) -> Result<PinnedPages<A>>;
    }

    impl[L: Level] dyn NotOfAnyVma<L> as Vma<L> {
        fn pin_user_pages[A: PinAccess](Range<usize>, PinFor) -> Result<PinnedPages<A>>;
    }
}
