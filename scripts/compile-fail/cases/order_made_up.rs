// SPDX-License-Identifier: GPL-2.0
//! Which lock is the innermost is said by its guard. One begins with none.

#[cfg(misuse)]
use kernel::mm::vma::order::MmapLock as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::order::Nothing as Held;
use kernel::mm::vma::LockOrder;

fn begin<'a>() -> LockOrder<'a, Held> {
    #[cfg(misuse)]
    let order = LockOrder::<Held>::new(); //~ E0599 "no associated function or constant named `new` found"
    #[cfg(not(misuse))]
    let order = LockOrder::<Held>::new();
    order
}
