// SPDX-License-Identifier: GPL-2.0

//! The reverse mapping: from a file, or from anonymous memory, to the VMAs that map it.
//!
//! # The locking protocol
//!
//! A VMA that maps a file is in the file's tree of mappings, `i_mmap`; one that has anonymous pages
//! is in the trees of their `anon_vma`s; a private file mapping can be in both. Each of the two has
//! a reader/writer semaphore. Holding it in either mode keeps the VMAs of the tree allocated and
//! their extent unchanged. They belong to other address spaces, whose mmap and VMA locks are not
//! held, and may already be detached. A walk gives out views at the level [`Rmap`](super::Rmap).
//!
//! A task that changes the extent of a VMA, or moves its page tables, takes these locks for writing
//! after the mmap and VMA write locks: `Vma::lock_rmap()`.
//!
//! The order is mmap lock, VMA write lock, `i_mmap`, `anon_vma`, page table locks; see the comment
//! at the top of [`mm/rmap.c`](srctree/mm/rmap.c).

mod anon_vma;
mod i_mmap;
mod tree;
#[cfg(CONFIG_RUST_VMA_MM)]
mod write;

#[cfg(CONFIG_RUST_VMA_MM)]
pub use self::write::RmapWriteGuard;
pub use self::{
    anon_vma::{
        AnonVma,
        AnonVmaGuard,
        AnonVmaReadGuard,
        AnonVmaWriteGuard,
        AnonVmas,
        OfAnon, //
    },
    i_mmap::{
        IMmap,
        IMmapGuard,
        IMmapReadGuard,
        IMmapVmas,
        IMmapWriteGuard,
        OfFile, //
    },
    tree::{
        RmapKind,
        RmapTree, //
        RmapTreeGuard,
        TreeMode,
        TreeRead,
        TreeWrite,
    },
};
