// SPDX-License-Identifier: GPL-2.0
//! The limit of locked memory is charged under the mmap write lock, which is outside of VMA locks.

use kernel::error::Result;
use kernel::mm::vma::VmaLocks;
use kernel::mm::vma::pin::LockedVm;

fn charge(locks: &mut VmaLocks<'_>, addr: usize) -> Result<Option<(LockedVm, usize)>> {
    let Some(vma) = locks.lock_vma_under_rcu(addr) else {
        return Ok(None);
    };
    let pages = (vma.end() - vma.start()) / 4096;
    #[cfg(not(misuse))]
    let start = vma.start();
    #[cfg(not(misuse))]
    drop(vma);
    let charged = LockedVm::charge(locks, pages)?; //~ E0502 "cannot borrow `*locks` as mutable because it is also borrowed as immutable"
    #[cfg(misuse)]
    let start = vma.start();
    Ok(Some((charged, start)))
}
