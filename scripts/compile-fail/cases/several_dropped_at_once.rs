// SPDX-License-Identifier: GPL-2.0
//! Locks whose guard is not kept are released in the same statement.
#![deny(unused_must_use)]

use kernel::{mm::vma::VmaLocks, prelude::*};

fn lock(locks: &mut VmaLocks<'_>, one: usize, other: usize) -> Result {
    #[cfg(misuse)]
    locks.lock_vmas([one, other])?; //~ unused_must_use "the read locks are released as soon as the guard is dropped"
    #[cfg(not(misuse))]
    let _locked = locks.lock_vmas([one, other])?;
    Ok(())
}
