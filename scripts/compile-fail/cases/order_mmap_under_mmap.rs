// SPDX-License-Identifier: GPL-2.0
//! Under the mmap lock there is no second one, in whatever mode.
//@order: mmap under mmap read
//@order: mmap under mmap write

#[cfg(not(misuse))]
use kernel::mm::vma::LockOrder;
use kernel::mm::{vma::VmaLocks, MmWithUser};

fn read(locks: &mut VmaLocks<'_>, other: &MmWithUser) {
    #[cfg_attr(not(misuse), allow(unused_mut))]
    let mut mmap = locks.read();
    #[cfg(misuse)]
    let (_mmap, mut order) = mmap.nest();
    #[cfg(not(misuse))]
    drop(mmap);
    #[cfg(not(misuse))]
    let mut order = LockOrder::new();
    let mut others = order.vma_locks(other); //~ E0277 "`MmapLock` cannot be taken while `MmapLock` is held"
    drop(others.read());
}

fn write(locks: &mut VmaLocks<'_>, addr: usize) -> bool {
    let mmap = locks.write();
    #[cfg(not(misuse))]
    drop(mmap);
    let second = locks.read(); //~ E0499 "cannot borrow `*locks` as mutable more than once at a time"
    #[cfg(misuse)]
    drop(mmap);
    second.lookup(addr).is_some()
}
