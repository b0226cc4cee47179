// SPDX-License-Identifier: GPL-2.0

//! Compile-time diagnostics for guards that do not know which lock is held, in a kernel without
//! `CONFIG_RUST_VMA_UNTYPED`.
//!
//! The form is that of `vma::decoys`.

use super::{
    vma::{
        decoys::decoys,
        MmapGuard,
        MmapRead,
        VmaGuard, //
    },
    MmWithUser, //
};

decoys! {
    /// An address space whose guards do not know which lock is held.
    #[diagnostic::on_unimplemented(
        message = "this kernel has no guards that do not know which lock is held",
        label = "needs a lock scope, from `vma_locks()`",
        note = "`read()` of the scope takes the mmap read lock, and `lock_vma()` looks a VMA up \
                and takes its lock; a driver that cannot be converted selects `RUST_VMA_UNTYPED`"
    )]
    trait HasUntypedGuards;

    impl[] MmWithUser as Self {
        fn mmap_read_lock() -> MmapGuard<'a, MmapRead>;
        fn mmap_read_trylock() -> Option<MmapGuard<'a, MmapRead>>;
        fn lock_vma_under_rcu(usize) -> Option<VmaGuard<'a>>;
    }
}
