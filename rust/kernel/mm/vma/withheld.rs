// SPDX-License-Identifier: GPL-2.0

//! Compile-time diagnostics for writes that are withheld, because locks are not enough for them.
//!
//! The lock tables of fields and page tables say `withheld` in their rows; for the form of this
//! one, see `decoys`. Each message names the locks that are not enough, why, the C functions that
//! do it, and the call to make instead.

use super::{
    decoys::decoys,
    driver::NotOfAnyVma,
    page_table::{
        Pmd,
        Pte,
        PteError,
        PteSlot, //
    },
    rmap::{
        AnonVma,
        AnonVmaWriteGuard,
        IMmapWriteGuard, //
    },
    Level,
    Vma, //
};
use crate::error::Result;

decoys! {
    /// The place of a VMA in the trees that are sorted by its extent.
    #[diagnostic::on_unimplemented(
        message = "the extent of a VMA is not written through a view",
        label = "withheld: takes the mmap, VMA and rmap write locks, which are not enough",
        note = "the trees of the address space and of the reverse mappings are sorted by \
                `vm_start`, `vm_end` and `vm_pgoff`, and only mm/ can take a VMA out of them and \
                put it back (C: `vma_set_range()`, `vma_expand()`, `vma_shrink()`, \
                `expand_downwards()`, `expand_upwards()`)",
        note = "call `munmap()` or `split()` on an `MmapGuard<MmapWrite>`; only user space can let \
                a mapping grow, by mremap(2) or as a stack"
    )]
    trait WritesExtent;

    impl[L: Level] dyn NotOfAnyVma<L> as Vma<L> {
        fn set_start(usize);
        fn set_end(usize);
        fn set_pgoff(usize);
        fn set_range(usize, usize, usize);
        fn expand(usize, usize, usize) -> Result;
        fn shrink(usize, usize, usize) -> Result;
        fn expand_downwards(usize) -> Result;
        fn expand_upwards(usize) -> Result;
    }

    /// The counts and links that go with the pointer of a VMA to its `anon_vma`.
    #[diagnostic::on_unimplemented(
        message = "the `anon_vma` of a VMA is neither set nor reset through a view",
        label = "withheld: takes the mmap lock and `page_table_lock` to set, the mmap, VMA and \
                 `anon_vma` write locks to reset, which are not enough",
        note = "an `anon_vma` counts its VMAs, and each is linked to it and to those of its \
                ancestors by fork; only mm/ keeps these in step (C: `__anon_vma_prepare()`, \
                `anon_vma_clone()`, `anon_vma_fork()`, `dup_anon_vma()`, `unlink_anon_vmas()`)",
        note = "call `anon_vma_prepare()` on a view that `VmaLocks::read()` gives \
                (`CONFIG_RUST_VMA_MM`); mm/ undoes it when the VMA is unmapped"
    )]
    trait WritesAnonVma;

    impl[L: Level] dyn NotOfAnyVma<L> as Vma<L> {
        fn set_anon_vma(&AnonVma) -> Result;
        fn clear_anon_vma(&AnonVmaWriteGuard<'_>) -> Result;
        fn anon_vma_clone(&Vma<L>) -> Result;
        fn anon_vma_fork(&Vma<L>) -> Result;
        fn unlink_anon_vmas();
        fn with_page_table_lock[F](F);
    }

    /// The links of a VMA to the trees of the reverse mappings.
    #[diagnostic::on_unimplemented(
        message = "the links of a VMA to its reverse mappings are not lent",
        label = "withheld: takes the write lock of the reverse mapping, which is not enough",
        note = "the trees are sorted and balanced, and only mm/ puts VMAs in and takes them out \
                (C: `mapping_rmap_tree_insert()`, `anon_rmap_tree_insert()`, before 7.3 \
                `vma_interval_tree_insert()`, `anon_vma_interval_tree_insert()`)",
        note = "to find the VMAs in a tree, call `vmas()` on an `IMmapGuard` or an `AnonVmaGuard`"
    )]
    trait LendsLinks;

    impl[L: Level] dyn NotOfAnyVma<L> as Vma<L> {
        fn anon_vma_chain(&AnonVmaWriteGuard<'_>);
        fn shared_rb(&IMmapWriteGuard<'_>);
        fn shared_rb_subtree_last(&IMmapWriteGuard<'_>);
    }

    /// The state that is kept in step with a page table entry.
    #[diagnostic::on_unimplemented(
        message = "a page table entry is not written through its place",
        label = "withheld: takes the lock of the page table, which is not enough",
        note = "TLBs, secondary MMUs, references to pages and the counts of mapped and resident \
                pages have to be kept in step, by functions that only mm/ has \
                (C: `set_pte_at()`, `pte_clear()`, `ptep_get_and_clear()`)",
        note = "call `insert_page()`, `insert_pfn()` or `zap_pages()` on a `DriverVma`, or answer \
                the `Fault`"
    )]
    trait WritesEntry;

    impl[L: Level] PteSlot<'_, L> as Self {
        fn set(Pte);
        fn clear() -> Pte;
    }

    /// The walkers of a page table, and the pages that it maps.
    #[diagnostic::on_unimplemented(
        message = "a page table is neither moved, replaced nor freed",
        label = "withheld: takes the mmap, VMA and rmap write locks, which are not enough",
        note = "the reverse mapping must find the pages where they are then, and no task, GUP-fast \
                among them, may walk a table that is freed; only mm/ sees to that \
                (C: `move_page_tables()`, `move_normal_pmd()`, `pmd_populate()`, `set_pmd_at()`, \
                `pmdp_collapse_flush()`, `free_pgtables()`)",
        note = "call `zap_pages()` on a `DriverVma`: faults then map the pages again, wherever the \
                mapping is; to move a mapping is for user space, by mremap(2)"
    )]
    trait MovesPageTables;

    impl[L: Level] dyn NotOfAnyVma<L> as Vma<L> {
        fn move_pte_table[M: Level](usize, &Vma<M>, usize) -> Result<(), PteError>;
        fn move_page_tables[M: Level](usize, &Vma<M>, usize, usize) -> Result<(), PteError>;
        fn free_pgtables();
    }

    impl[] Pmd as Self {
        fn set(Pmd);
        fn clear() -> Pmd;
    }
}
