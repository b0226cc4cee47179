// SPDX-License-Identifier: GPL-2.0

//! Compile-time diagnostics for calls that need `CONFIG_RUST_VMA_MM`, in a kernel without it.
//!
//! Code outside of `mm/` has no use for these calls, or cannot keep what they ask for. The form is
//! that of `decoys`.

use super::{
    decoys::decoys,
    driver::NotOfAnyVma,
    lock::order::LockClass,
    page_table::{
        PteError,
        PteSlot, //
    },
    rmap::{
        RmapKind,
        RmapTree, //
        RmapTreeGuard,
        TreeWrite,
    },
    Level,
    LockOrder,
    LockSubclass,
    MmapGuard,
    MmapWrite,
    PageProt,
    Read,
    RmapWrite,
    Vma,
    VmaLocks, //
};
use crate::error::Result;
use core::ops::Range;

decoys! {
    /// The part of the API that is for `mm/`.
    #[diagnostic::on_unimplemented(
        message = "this call is for code in mm/, and this kernel is built without such calls",
        label = "needs `CONFIG_RUST_VMA_MM`",
        note = "drivers have `zap_pages()` and `insert_page()` of a `DriverVma`, the answers of a \
                `Fault`, `set_flags()`, and `lock_read()` of a reverse mapping",
        note = "code in mm/ that needs more selects `RUST_VMA_MM`"
    )]
    trait IsForMm;

    impl[L: Level] dyn NotOfAnyVma<L> as Vma<L> {
        fn lock_rmap[H: LockClass](&mut LockOrder<'_, H>) -> &'a Vma<RmapWrite>;
        fn anon_vma_prepare[H: LockClass](&mut LockOrder<'_, H>) -> Result;
        fn set_page_prot(PageProt);
        fn update_page_prot();
        fn copy_policy[H: LockClass](&mut LockOrder<'_, H>, Option<&Vma<Read>>) -> Result;
        fn swap_readahead_info();
        fn numab_state();
        fn with_pte_alloc[H: LockClass, R, F: FnOnce(&PteSlot<'_, L>) -> R](
            &mut LockOrder<'_, H>,
            usize,
            F
        ) -> Result<R, PteError>;
        fn zap(Range<usize>) -> Result<(), PteError>;
    }

    impl[K: RmapKind] RmapTree<K> as Self {
        fn lock_write[H: LockClass](&mut LockOrder<'_, H>) -> RmapTreeGuard<'a, K, TreeWrite>;
        fn trylock_write[H: LockClass](
            &mut LockOrder<'_, H>
        ) -> Option<RmapTreeGuard<'a, K, TreeWrite>>;
    }

    impl[] VmaLocks<'_> as Self {
        fn write_nested(LockSubclass) -> MmapGuard<'a, MmapWrite>;
    }
}
