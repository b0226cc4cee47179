// SPDX-License-Identifier: GPL-2.0
//! Guards of two address spaces may change places, but not while a view borrows one of them.

use core::mem::swap;
use kernel::mm::MmWithUser;

fn starts(a: &MmWithUser, b: &MmWithUser, addr: usize) -> Option<(usize, usize)> {
    let mut locks_of_a = a.vma_locks();
    let mut locks_of_b = b.vma_locks();
    let mut mine = locks_of_a.read();
    let mut other = locks_of_b.read();
    #[cfg(misuse)]
    let view = mine.lookup(addr)?;
    swap(&mut mine, &mut other); //~ E0502 "cannot borrow `mine` as mutable because it is also borrowed as immutable"
    #[cfg(not(misuse))]
    let view = mine.lookup(addr)?;
    // The lock of `a`, and no view of it is left.
    drop(other);
    Some((view.start(), view.end()))
}
