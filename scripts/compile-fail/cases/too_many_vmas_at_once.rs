// SPDX-License-Identifier: GPL-2.0
//! A task with more than `MAX_LOCK_DEPTH` locks makes lockdep turn itself off, so fewer VMAs than that can
//! be locked at once.

use kernel::{mm::vma::VmaLocks, prelude::*};

#[cfg(misuse)]
const COUNT: usize = 48;
#[cfg(not(misuse))]
const COUNT: usize = 16;

fn sum(locks: &mut VmaLocks<'_>, addrs: [usize; COUNT]) -> Result<usize> {
    let locked = locks.lock_vmas(addrs)?; //~ E0277 "too many VMAs are to be locked at once"
    Ok(locked.views().iter().map(|vma| vma.end() - vma.start()).sum())
}

fn killable(locks: &mut VmaLocks<'_>, addrs: [usize; COUNT]) -> Result<bool> {
    Ok(locks.lock_vmas_killable(addrs)?.is_ok()) //~ E0277 "too many VMAs are to be locked at once"
}
