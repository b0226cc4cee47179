// SPDX-License-Identifier: GPL-2.0
//! Under RCU alone only the address space, as an address, and the lock words can be read.

use kernel::{mm::vma::VmaLocks, sync::rcu};

fn look(locks: &VmaLocks<'_>, addr: usize) -> Option<usize> {
    let rcu = rcu::read_lock();
    let vma = locks.peek(&rcu, addr)?;
    #[cfg(misuse)]
    let seen = vma.start(); //~ E0599 "no method named `start` found for struct `UnstableVma"
    #[cfg(not(misuse))]
    let seen = vma.mm_addr();
    Some(seen)
}
