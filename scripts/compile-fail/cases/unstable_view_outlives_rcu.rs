// SPDX-License-Identifier: GPL-2.0
//! A VMA that was found under RCU alone is gone at the end of the RCU read-side critical section.

use kernel::{mm::vma::VmaLocks, sync::rcu};

fn mm_of(locks: &VmaLocks<'_>, addr: usize) -> Option<usize> {
    let rcu = rcu::read_lock();
    let vma = locks.peek(&rcu, addr)?;
    #[cfg(misuse)]
    drop(rcu); //~ E0505 "cannot move out of `rcu` because it is borrowed"
    let mm = vma.mm_addr();
    #[cfg(not(misuse))]
    drop(rcu);
    Some(mm)
}
