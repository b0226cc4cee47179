// SPDX-License-Identifier: GPL-2.0
//! A guard that changed places with another one still borrows the scope that it came from.

use core::mem::swap;
use kernel::mm::MmWithUser;

fn swapped(a: &MmWithUser, b: &MmWithUser, addr: usize) -> bool {
    let mut locks_of_a = a.vma_locks();
    let mut locks_of_b = b.vma_locks();
    let mut mine = locks_of_a.read();
    {
        let mut other = locks_of_b.read();
        swap(&mut mine, &mut other);
        // `other`, which is dropped here, is the lock of `a`; `mine` is that of `b`.
    }
    #[cfg(not(misuse))]
    let found = mine.lookup(addr).is_some();
    #[cfg(not(misuse))]
    drop(mine);
    let second = locks_of_b.write(); //~ E0499 "cannot borrow `locks_of_b` as mutable more than once at a time"
    #[cfg(misuse)]
    let found = mine.lookup(addr).is_some();
    found && second.lookup(addr).is_some()
}
