// SPDX-License-Identifier: GPL-2.0
//! A VMA that is read without a lock may be another one once RCU is left. The closure returns
//! copies, not the VMA.

use kernel::mm::vma::VmaLocks;

fn start(locks: &VmaLocks<'_>, addr: usize) -> Option<usize> {
    #[cfg(misuse)]
    let vma = locks.speculate(|mm| mm.lookup(addr)); //~ error "lifetime may not live long enough"
    #[cfg(misuse)]
    let start = vma.ok()??.start();
    #[cfg(not(misuse))]
    let start = locks.speculate(|mm| mm.lookup(addr).map(|vma| vma.start())).ok()??;
    Some(start)
}
