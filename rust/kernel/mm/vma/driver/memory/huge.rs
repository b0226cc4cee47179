// SPDX-License-Identifier: GPL-2.0

//! Huge entries for page frames, concurrently with small ones.
//!
//! Only a [`PfnMap`](super::super::PfnMap) VMA has huge entries for page frames. In a
//! [`MixedMap`](super::super::MixedMap) they would be wrong for two reasons: `insert_pmd()` makes a
//! writable entry in a private mapping, whose writes must go to copies; and `MADV_DONTNEED` can
//! free an empty table of small entries under a read lock.
//!
//! Several tasks fault concurrently. So one task can map a huge page while another one inserts a
//! small entry, which `walk_to_pmd()` does not expect (`VM_BUG_ON()`). Once there is a table of
//! small entries, `insert_pmd()` keeps it, and nothing frees the tables of a `VM_PFNMAP` VMA under
//! a read lock: `madvise()` and khugepaged refuse such VMAs. So the table is made first.

use crate::{
    mm::vma::{
        page_table::{
            walk,
            PteError, //
        },
        InstallEntries,
        Vma, //
    },
    prelude::*, //
};

/// Makes the table of small entries for `addr`. Returns whether the table exists: false if a huge
/// page is mapped at `addr`.
///
/// # Errors
///
/// `EFAULT` if `addr` is not in the VMA, `ENOMEM`.
#[cold]
pub(in super::super) fn make_room<L: InstallEntries>(vma: &Vma<L>, addr: usize) -> Result<bool> {
    match walk::alloc_tables(vma, addr).and_then(|()| vma.with_pte(addr, |_| ())) {
        Ok(()) => Ok(true),
        Err(PteError::Huge) => Ok(false),
        Err(PteError::NoMemory) => Err(ENOMEM),
        Err(_) => Err(EFAULT),
    }
}
