// SPDX-License-Identifier: GPL-2.0
//! VMAs are looked up by the guard of the mmap lock, not by what it is taken from.

use kernel::mm::{vma::VmaLocks, MmWithUser};

fn is_mapped(locks: &mut VmaLocks<'_>, addr: usize) -> bool {
    #[cfg(not(misuse))]
    let locks = locks.read();
    let at = locks.lookup(addr); //~ E0277 "VMAs are looked up under the mmap lock, and no lock is held here"
    let above = locks.find_vma(addr); //~ E0277 "take the lock with `read()` or `write()` of the lock scope"
    at.is_some() || above.is_some()
}

fn of_an_address_space(mm: &MmWithUser, addr: usize) -> bool {
    #[cfg(not(misuse))]
    let mut locks = mm.vma_locks();
    #[cfg(not(misuse))]
    let mm = locks.read();
    let at = mm.lookup(addr); //~ E0277 "needs a guard of the mmap lock"
    let above = mm.find_vma(addr); //~ E0277 "`vma_locks()` of an `MmWithUser`"
    at.is_some() || above.is_some()
}
