// SPDX-License-Identifier: GPL-2.0
//! A VMA that was found without a lock cannot leave the closure by a captured variable.

use kernel::mm::vma::VmaLocks;

fn smuggled(locks: &VmaLocks<'_>, addr: usize) -> bool {
    let mut kept = None;
    let seen = locks.speculate(|mm| {
        #[cfg(misuse)]
        {
            kept = mm.lookup(addr); //~ E0521 "borrowed data escapes outside of closure"
        }
        #[cfg(not(misuse))]
        {
            kept = mm.lookup(addr).map(|vma| vma.start());
        }
    });
    seen.is_ok() && kept.is_some()
}
