// SPDX-License-Identifier: GPL-2.0
//! Nothing may be waited for in a speculation, which is inside an RCU read-side critical section. The
//! mmap lock is taken after it, if it has failed.

use kernel::mm::vma::VmaLocks;

fn is_mapped(locks: &mut VmaLocks<'_>, addr: usize) -> bool {
    #[cfg(misuse)]
    let seen = locks.speculate(|mm| {
        //~^ E0500 "closure requires unique access to `*locks` but it is already borrowed"
        mm.lookup(addr).is_some() || locks.read().lookup(addr).is_some()
    });
    #[cfg(not(misuse))]
    let seen = locks.speculate(|mm| mm.lookup(addr).is_some());
    seen.unwrap_or_else(|_| locks.read().lookup(addr).is_some())
}
