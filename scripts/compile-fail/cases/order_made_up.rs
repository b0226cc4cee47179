// SPDX-License-Identifier: GPL-2.0
//! The guard says which lock is the innermost. `LockOrder::new()` stands for holding none.

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
