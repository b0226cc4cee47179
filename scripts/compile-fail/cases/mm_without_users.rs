// SPDX-License-Identifier: GPL-2.0
//! The locks of an address space are taken only while it has users.

use kernel::mm::Mm;

fn lock(mm: &Mm) -> Option<()> {
    #[cfg(not(misuse))]
    let mm = mm.mmget_not_zero()?;
    let mut locks = mm.vma_locks(); //~ E0277 "the address space may have no users"
    drop(locks.read());
    Some(())
}
