// SPDX-License-Identifier: GPL-2.0
//! A token from which a lock was taken is not exchanged for another one while the lock is held.

use core::mem::{replace, swap};
use kernel::mm::vma::rmap::IMmap;
use kernel::mm::vma::LockOrder;

fn replaced(file: &IMmap, mut order: LockOrder<'_>) -> bool {
    let guard = file.lock_read(&mut order);
    #[cfg(not(misuse))]
    drop(guard);
    let _ = replace(&mut order, LockOrder::new()); //~ E0499 "cannot borrow `order` as mutable more than once at a time"
    #[cfg(not(misuse))]
    let guard = file.lock_read(&mut order);
    guard.vmas(0..=0).next().is_none()
}

fn swapped<'o>(file: &IMmap, mut order: LockOrder<'o>, mut other: LockOrder<'o>) -> bool {
    let guard = file.lock_read(&mut order);
    #[cfg(not(misuse))]
    drop(guard);
    swap(&mut order, &mut other); //~ E0499 "cannot borrow `order` as mutable more than once at a time"
    #[cfg(not(misuse))]
    let guard = file.lock_read(&mut order);
    guard.vmas(0..=0).next().is_none()
}
