// SPDX-License-Identifier: GPL-2.0

//! Page tables of a VMA: walking, populating and zapping them.
//!
//! # The locking protocol
//!
//! Every change of a page table entry takes the spinlock of its table. In addition:
//!
//! - *Traversing* page tables and *zapping* entries takes a stable VMA, by any lock.
//! - *Installing* entries takes the mmap lock or the VMA lock. An rmap lock alone is not enough:
//!   the tables of a range that is unmapped are freed some time after it was zapped, and entries
//!   that were installed in between would be lost.
//! - *Freeing* page tables is not offered. `free_pgtables()` expects that no task can find the VMA,
//!   by any of its locks.
//! - *Moving* page tables is not offered. All locks together are not enough: secondary MMUs have to
//!   be notified (`mmu_notifier_invalidate_range_start()`), page tables may be shared with devices
//!   or hypervisors (`arch_supports_page_table_move()`), and the reverse mapping has to find the
//!   pages at their new place (`copy_vma()`). `mremap()` does all of it.
//! - *Writing* an entry is not offered either, for the same reasons.
//!   [`DriverVma`](super::DriverVma) installs entries, in VMAs that the driver owns.
//!
//! A table of PTEs can go away under a read lock: when it is empty, or when a huge page replaces
//! it. So a lookup can fail, and `pte_offset_map_lock()` repeats the lookup after it took the lock.
//! Access is by a closure, in which nothing may sleep: the table is mapped by `kmap_local`, which
//! must be undone in reverse order, inside an RCU read-side critical section.
//!
//! See "Page tables" and "Page table locking details" in
//! [`Documentation/mm/process_addrs.rst`](srctree/Documentation/mm/process_addrs.rst).

#[cfg(CONFIG_RUST_VMA_MM)]
use super::{
    level::InstallEntries,
    LockOrder,
    MayReclaim, //
};
use super::{
    level::{
        Level,
        Stable, //
    },
    Vma, //
};
#[cfg(CONFIG_RUST_VMA_MM)]
use core::ops::Range;

mod entry;
pub(super) mod walk;

pub use self::{
    entry::{
        Pmd,
        Pte,
        PteSlot, //
    },
    walk::PteError,
};

/// Page tables
///
/// | Operation  | Read                   | Write            |
/// | ---------- | ---------------------- | ---------------- |
/// | `traverse` | `with_pte`, `with_pmd` |                  |
/// | `install`  |                        | `with_pte_alloc` |
/// | `zap`      |                        | `zap`            |
/// | `free`     |                        | withheld         |
/// | `move`     |                        | withheld         |
impl<L: Level> Vma<L> {
    /// Runs `f` on the entry that maps `addr`, with its table locked (C: `pte_offset_map_lock()`).
    ///
    /// The table is looked up again if it went away before it was locked. `f` must not sleep, and
    /// must not look up another entry: the two tables can share a lock.
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
    pub fn with_pte<R>(
        &self,
        addr: usize,
        f: impl FnOnce(&PteSlot<'_, L>) -> R,
    ) -> Result<R, PteError>
    where
        L: Stable,
    {
        walk::with_pte(self, addr, f)
    }

    /// Runs `f` on the entry of the table above, which maps a table of PTEs or a huge page, with
    /// that table locked (C: `pmd_lock()`).
    ///
    /// `f` must not sleep, and must not look up another entry.
    ///
    /// # Errors
    ///
    /// [`PteError`] if there is no such entry. `f` is not called then.
    #[doc(alias = "pmd_lock")]
    #[inline]
    pub fn with_pmd<R>(&self, addr: usize, f: impl FnOnce(Pmd) -> R) -> Result<R, PteError>
    where
        L: Stable,
    {
        walk::with_pmd(self, addr, f)
    }

    /// Like [`with_pte()`](Self::with_pte), but makes the tables that are missing first (C:
    /// `pte_alloc_map_lock()`).
    ///
    /// May sleep, for memory, before `f` is called. The order says that no reverse-mapping lock is
    /// held, for which reclaim could wait.
    ///
    /// # Errors
    ///
    /// [`PteError`] if there is no such entry and none can be made. `f` is not called then.
    #[cfg(CONFIG_RUST_VMA_MM)]
    #[doc(alias = "pte_alloc_map_lock")]
    #[inline]
    pub fn with_pte_alloc<R>(
        &self,
        _order: &mut LockOrder<'_, impl MayReclaim>,
        addr: usize,
        f: impl FnOnce(&PteSlot<'_, L>) -> R,
    ) -> Result<R, PteError>
    where
        L: InstallEntries,
    {
        walk::alloc_tables(self, addr)?;
        walk::with_pte(self, addr, f)
    }

    /// Unmaps the pages in `range`, and leaves the tables in place (C: `zap_vma_range()`).
    ///
    /// The next access to the range faults. May sleep.
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
    /// - The contents of anonymous pages are lost. So the pages must belong to the caller, as those
    ///   of a driver's own mapping do; or the owner of the address space must have requested it,
    ///   and the VMA must be one that `madvise(MADV_DONTNEED)` accepts: neither sealed
    ///   (`can_madvise_modify()`) nor locked in memory.
    /// - Nothing may rely on the pages being mapped, as users of `VM_LOCKED` do.
    /// - The task must not hold the lock of a page table, so it must not be inside the closure of
    ///   [`with_pte()`](Self::with_pte) or [`with_pmd()`](Self::with_pmd).
    #[cfg(CONFIG_RUST_VMA_MM)]
    #[doc(alias = "zap_vma_range")]
    #[doc(alias = "zap_page_range_single")]
    #[inline]
    pub unsafe fn zap(&self, range: Range<usize>) -> Result<(), PteError>
    where
        L: Stable,
    {
        // SAFETY: By the contract of this method.
        unsafe { walk::zap(self, range) }
    }
}
