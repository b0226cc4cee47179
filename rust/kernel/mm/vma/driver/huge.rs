// SPDX-License-Identifier: GPL-2.0

//! Huge entries for page frames, and small ones beside them.
//!
//! Only a [`PfnMap`](super::PfnMap) VMA has huge entries for page frames. In a
//! [`MixedMap`](super::MixedMap) they would be wrong twice: `insert_pmd()` makes a writable entry
//! in a private mapping, whose writes must go to copies; and `MADV_DONTNEED` can free an empty
//! table of small entries under a read lock.
//!
//! Several tasks have faults at the same time. So a huge page can come in between when one of them
//! inserts a small one, and `walk_to_pmd()` does not expect that (`VM_BUG_ON()`). Once there is a
//! table of small entries, `insert_pmd()` leaves it there, and nothing frees the tables of a
//! `VM_PFNMAP` VMA under a read lock: `madvise()` and khugepaged refuse such VMAs. So the table is
//! made first.

use crate::{
    mm::vma::{
        page_table::PteError,
        InstallEntries,
        LockOrder,
        Vma, //
    },
    prelude::*, //
};

/// Makes the table of small entries for `addr`. Returns whether it is there: false if a huge page
/// is mapped at `addr`.
///
/// # Errors
///
/// `EFAULT` if `addr` is not in the VMA, `ENOMEM`.
#[cold]
pub(super) fn make_room<L: InstallEntries>(vma: &Vma<L>, addr: usize) -> Result<bool> {
    // As for the insertion that follows, which may allocate as well.
    let mut order = LockOrder::new();
    match vma.with_pte_alloc(&mut order, addr, |_| ()) {
        Ok(()) => Ok(true),
        Err(PteError::Huge) => Ok(false),
        Err(PteError::NoMemory) => Err(ENOMEM),
        Err(_) => Err(EFAULT),
    }
}
