// SPDX-License-Identifier: GPL-2.0

//! Page tables of a VMA: walking, populating and zapping them.
//!
//! # The locking protocol
//!
//! Page table entries have spinlocks of their own, which every change of an entry takes. Besides
//! these:
//!
//! - To *traverse* page tables and to *zap* entries takes a stable VMA, by whichever lock.
//! - To *install* entries takes the mmap lock or the VMA lock. An rmap lock alone is not enough:
//!   when a range is unmapped its tables are freed some time after it was zapped, and what was
//!   installed in between would be lost.
//! - To *free* page tables is not offered. `free_pgtables()` relies on nobody being able to find
//!   the VMA, by any of its locks.
//! - To *move* page tables is not offered. Every lock is not enough for it: secondary MMUs have to
//!   be told (`mmu_notifier_invalidate_range_start()`), page tables may be shared with devices or
//!   hypervisors (`arch_supports_page_table_move()`), and the reverse mapping has to find the pages
//!   at their new place (`copy_vma()`). `mremap()` does all of it.
//! - To *write* an entry is not offered either, for the same reasons. Entries are installed by
//!   [`DriverVma`](super::DriverVma), in VMAs of the driver's own.
//!
//! A table of PTEs can go away under a read lock: when it is empty, or when a huge page takes its
//! place. So to look one up can fail, and to lock it, `pte_offset_map_lock()`, looks again after
//! the lock was taken. Access is by a closure, in which nothing may sleep: the table is mapped by
//! `kmap_local`, which has to be undone in reverse order, inside an RCU read-side critical
//! section.
//!
//! See "Page tables" and "Page table locking details" in
//! [`Documentation/mm/process_addrs.rst`](srctree/Documentation/mm/process_addrs.rst).

use super::{
    level::{
        InstallEntries,
        Level,
        Stable, //
    },
    lock_table::lock_table,
    LockOrder,
    MayReclaim,
    Vma, //
};
use core::ops::Range;

mod entry;
mod walk;

pub use self::{
    entry::{
        Pmd,
        Pte,
        PteSlot, //
    },
    walk::PteError,
};

lock_table! {
    "Page tables" {
        traverse {
            /// Runs `f` on the entry that maps `addr`, with its table locked
            /// (C: `pte_offset_map_lock()`).
            ///
            /// The table is looked up again if it went away before it was locked. `f` must not
            /// sleep, and must not look up another entry: the two tables can share a lock.
            ///
            /// # Errors
            ///
            /// [`PteError`] if there is no such entry. `f` is not called then.
            ///
            /// # Examples
            ///
            /// ```
            /// use kernel::mm::vma::{Stable, Vma};
            ///
            /// fn is_resident<L: Stable>(vma: &Vma<L>, addr: usize) -> bool {
            ///     vma.with_pte(addr, |entry| entry.get().is_present()).unwrap_or(false)
            /// }
            /// ```
            #[doc(alias = "pte_offset_map_lock")]
            #[inline]
            read(Stable) fn with_pte<R>(
                &self,
                addr: usize,
                f: impl FnOnce(&PteSlot<'_, L>) -> R,
            ) -> Result<R, PteError> {
                walk::with_pte(self, addr, f)
            }

            /// Runs `f` on the entry of the table above, which maps a table of PTEs or a huge page,
            /// with that table locked (C: `pmd_lock()`).
            ///
            /// `f` must not sleep, and must not look up another entry.
            ///
            /// # Errors
            ///
            /// [`PteError`] if there is no such entry. `f` is not called then.
            #[doc(alias = "pmd_lock")]
            #[inline]
            read(Stable) fn with_pmd<R>(
                &self,
                addr: usize,
                f: impl FnOnce(Pmd) -> R,
            ) -> Result<R, PteError> {
                walk::with_pmd(self, addr, f)
            }
        }

        install {
            /// Like [`with_pte()`](Self::with_pte), but makes the tables that are missing first
            /// (C: `pte_alloc_map_lock()`).
            ///
            /// May sleep, for memory, before `f` is called. The order says that no
            /// reverse-mapping lock is held, for which reclaim could wait.
            ///
            /// # Errors
            ///
            /// [`PteError`] if there is no such entry and none can be had. `f` is not called then.
            #[doc(alias = "pte_alloc_map_lock")]
            #[inline]
            write(InstallEntries) fn with_pte_alloc<R>(
                &self,
                _order: &mut LockOrder<'_, impl MayReclaim>,
                addr: usize,
                f: impl FnOnce(&PteSlot<'_, L>) -> R,
            ) -> Result<R, PteError> {
                walk::alloc_tables(self, addr)?;
                walk::with_pte(self, addr, f)
            }
        }

        zap {
            /// Unmaps the pages in `range`, and leaves the tables in place (C: `zap_vma_range()`).
            ///
            /// What is accessed there next faults. May sleep.
            ///
            /// # Errors
            ///
            /// [`PteError::OutOfRange`] if `range` is not inside the VMA or not one of whole pages;
            /// [`PteError::Huge`] if the VMA is one of hugetlb. Nothing is unmapped then.
            ///
            /// # Safety
            ///
            /// The locks are not enough.
            ///
            /// - Anonymous pages are lost with what is in them. So the pages must be the caller's,
            ///   as those of a driver's own mapping are; or the owner of the address space must
            ///   have asked for it, and the VMA must be one that `madvise(MADV_DONTNEED)` accepts:
            ///   neither sealed (`can_madvise_modify()`) nor locked in memory.
            /// - Nothing may rely on the pages being mapped, as users of `VM_LOCKED` do.
            /// - The task must not hold the lock of a page table, so it must not be inside the
            ///   closure of [`with_pte()`](Self::with_pte) or [`with_pmd()`](Self::with_pmd).
            #[doc(alias = "zap_vma_range")]
            #[doc(alias = "zap_page_range_single")]
            #[inline]
            write(Stable) unsafe fn zap(&self, range: Range<usize>) -> Result<(), PteError> {
                // SAFETY: By the contract of this method.
                unsafe { walk::zap(self, range) }
            }
        }

        free {
            withheld;
        }

        move_ {
            withheld;
        }
    }
}
