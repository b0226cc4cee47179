// SPDX-License-Identifier: GPL-2.0
//! A VMA that is looked at under RCU alone borrows the lock scope: no lock can be waited for before the
//! look is over.

use kernel::{mm::vma::VmaLocks, sync::rcu};

fn vma_lock(locks: &mut VmaLocks<'_>, addr: usize) -> Option<(usize, bool)> {
    let rcu = rcu::read_lock();
    let vma = locks.peek(&rcu, addr)?;
    #[cfg(not(misuse))]
    let mm = vma.mm_addr();
    #[cfg(not(misuse))]
    drop(rcu);
    let locked = locks.lock_vma(addr).is_some(); //~ E0502 "cannot borrow `*locks` as mutable because it is also borrowed as immutable"
    #[cfg(misuse)]
    let mm = vma.mm_addr();
    Some((mm, locked))
}

fn mmap_lock(locks: &mut VmaLocks<'_>, addr: usize) -> Option<(usize, bool)> {
    let rcu = rcu::read_lock();
    let vma = locks.peek(&rcu, addr)?;
    #[cfg(not(misuse))]
    let mm = vma.mm_addr();
    #[cfg(not(misuse))]
    drop(rcu);
    let mapped = locks.read().lookup(addr).is_some(); //~ E0502 "cannot borrow `*locks` as mutable because it is also borrowed as immutable"
    #[cfg(misuse)]
    let mm = vma.mm_addr();
    Some((mm, mapped))
}
