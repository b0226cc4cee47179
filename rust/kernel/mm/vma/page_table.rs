// SPDX-License-Identifier: GPL-2.0

//! Page tables of a VMA: who may walk, populate, zap and move them.
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
//! - To *move* a page table takes every lock: mmap, VMA and rmap, for writing.
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
        Stable,
        VmaWrite,
        WriteAll, //
    },
    lock_table::lock_table,
    Vma, //
};
use core::ops::Range;

mod entry;
mod lock;
mod relocate;
mod walk;

pub use self::{
    entry::{
        Pmd,
        Pte,
        PteSlot, //
    },
    lock::PageTableLock,
    walk::NoPte,
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
            /// [`NoPte`] if there is no such entry. `f` is not called then.
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
                f: impl FnOnce(&mut PteSlot<'_, L>) -> R,
            ) -> Result<R, NoPte> {
                walk::with_pte(self, addr, f)
            }

            /// Runs `f` on the entry of the table above, which maps a table of PTEs or a huge page,
            /// with that table locked (C: `pmd_lock()`).
            ///
            /// `f` must not sleep, and must not look up another entry.
            ///
            /// # Errors
            ///
            /// [`NoPte`] if there is no such entry. `f` is not called then.
            #[doc(alias = "pmd_lock")]
            #[inline]
            read(Stable) fn with_pmd<R>(
                &self,
                addr: usize,
                f: impl FnOnce(Pmd) -> R,
            ) -> Result<R, NoPte> {
                walk::with_pmd(self, addr, f)
            }
        }

        install {
            /// Like [`with_pte()`](Self::with_pte), but makes the tables that are missing first
            /// (C: `pte_alloc_map_lock()`).
            ///
            /// May sleep, for memory, before `f` is called.
            ///
            /// # Errors
            ///
            /// [`NoPte`] if there is no such entry and none can be had. `f` is not called then.
            #[doc(alias = "pte_alloc_map_lock")]
            #[inline]
            write(InstallEntries) fn with_pte_alloc<R>(
                &self,
                addr: usize,
                f: impl FnOnce(&mut PteSlot<'_, L>) -> R,
            ) -> Result<R, NoPte> {
                walk::alloc_tables(self.as_raw(), addr)?;
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
            /// [`NoPte::OutOfRange`] if `range` is not inside the VMA.
            ///
            /// # Safety
            ///
            /// The locks are not enough. Anonymous pages are lost with what is in them, so the
            /// pages must be the caller's, as those of a driver's own mapping are, or the
            /// mapping's owner must have asked for it.
            #[doc(alias = "zap_vma_range")]
            #[doc(alias = "zap_page_range_single")]
            #[inline]
            write(Stable) unsafe fn zap(&self, range: Range<usize>) -> Result<(), NoPte> {
                walk::zap(self.as_raw(), range)
            }
        }

        free {
            withheld;
        }

        move_ {
            /// Moves the table of PTEs that maps `from` to another place (C: `move_normal_pmd()`).
            ///
            /// Both addresses are multiples of the size of what one table maps
            /// ([`Pmd::SIZE`]). The place in `to` must have no table of PTEs, but the tables above.
            ///
            /// # Errors
            ///
            /// [`NoPte::OutOfRange`] if one of the places is not inside its VMA, is not aligned, or
            /// if the locks of this VMA are not those of `to`, too; [`NoPte::Missing`] or
            /// [`NoPte::Huge`] if there is no table at `from`; [`NoPte::Occupied`] if there is one
            /// at `to_addr`; [`NoPte::NotSupported`] if the architecture cannot do it, or a
            /// userfaultfd would miss it. Nothing is changed then.
            ///
            /// # Safety
            ///
            /// The locks are not enough. Once they are released, the pages that were moved must be
            /// where the reverse mapping looks for them: the caller gives `to` the page offset that
            /// makes it so, as `copy_vma()` does. The VMA must not have got an `anon_vma` since its
            /// locks were taken.
            #[doc(alias = "move_normal_pmd")]
            #[doc(alias = "move_page_tables")]
            write(WriteAll) unsafe fn move_pte_table(
                &self,
                from: usize,
                to: &Vma<VmaWrite>,
                to_addr: usize,
            ) -> Result<(), NoPte> {
                relocate::move_pte_table(self.as_read(), from, to.as_read(), to_addr)
            }
        }
    }
}
