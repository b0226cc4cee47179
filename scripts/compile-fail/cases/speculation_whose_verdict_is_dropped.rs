// SPDX-License-Identifier: GPL-2.0
//! Data that a speculative closure wrote elsewhere is worthless unless the verdict is checked.
#![deny(unused_must_use)]

use kernel::mm::vma::VmaLocks;

fn end(locks: &VmaLocks<'_>, addr: usize) -> usize {
    let mut end = 0;
    #[cfg(misuse)]
    locks.speculate(|mm| end = mm.lookup(addr).map_or(0, |vma| vma.end())); //~ unused_must_use "unused `Result` that must be used"
    #[cfg(not(misuse))]
    if let Ok(seen) = locks.speculate(|mm| mm.lookup(addr).map_or(0, |vma| vma.end())) {
        end = seen;
    }
    end
}
