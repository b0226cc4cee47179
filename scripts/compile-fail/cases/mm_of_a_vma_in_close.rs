// SPDX-License-Identifier: GPL-2.0
//! `close` runs under the mmap lock, and at the exit of a process when its address space has no
//! users left: no lock scope is made of the VMA's `Mm`.

use kernel::mm::{
    vma::{
        driver::{DriverVma, VmaOperations},
        Closing,
    },
    Mm, MmWithUser,
};

fn close<T: VmaOperations>(vma: &DriverVma<T, Closing>, mm: &MmWithUser) {
    #[cfg(misuse)]
    let locks = vma.mm().vma_locks(); //~ E0599 "no method named `vma_locks` found for reference `&Mm`"
    #[cfg(misuse)]
    let user: &MmWithUser = vma.mm(); //~ E0308 "expected `&MmWithUser`, found `&Mm`"
    #[cfg(not(misuse))]
    let locks = mm.vma_locks();
    #[cfg(not(misuse))]
    let user: &Mm = vma.mm();
    let _same = core::ptr::eq(locks.mm().as_raw(), user.as_raw());
}
