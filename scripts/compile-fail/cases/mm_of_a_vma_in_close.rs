// SPDX-License-Identifier: GPL-2.0
//! `close` runs under the mmap lock, and at the exit of a process when its address space has no
//! users left: no lock scope is made of the VMA's address space.

use kernel::mm::{
    vma::{
        driver::{DriverVma, VmaOperations},
        Closing,
    },
    MmWithUser,
};

fn close<T: VmaOperations>(vma: &DriverVma<T, Closing>, mm: &MmWithUser) {
    #[cfg(misuse)]
    let locks = vma.grab_mm().vma_locks(); //~ E0277 "or `get_user()` on a `GrabbedMm`, when no lock is held"
    #[cfg(not(misuse))]
    let locks = mm.vma_locks();
    let _same = locks.mm().id() == vma.mm_id();
}
