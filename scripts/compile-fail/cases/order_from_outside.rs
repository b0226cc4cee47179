// SPDX-License-Identifier: GPL-2.0
//! The order of locks is the kernel's: no driver adds a lock to it, nor turns it round.

#[cfg(misuse)]
use kernel::mm::vma::order::{After, IMmapLock, LockClass, MmapLock};
use kernel::mm::vma::{order::Nothing, LockOrder};

#[cfg(misuse)]
enum Mine {}

#[cfg(misuse)]
impl LockClass for Mine {} //~ E0277 "`LockClass` is a \"sealed trait\""

#[cfg(misuse)]
impl After<IMmapLock> for MmapLock {} //~ E0117 "only traits defined in the current crate can be implemented"

fn begin<'a>() -> LockOrder<'a, Nothing> {
    LockOrder::new()
}
