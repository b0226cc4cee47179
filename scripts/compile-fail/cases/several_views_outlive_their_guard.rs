// SPDX-License-Identifier: GPL-2.0
//! Several VMAs that were locked at once are unlocked at once.

use kernel::{mm::vma::VmaLocks, prelude::*};

fn distance(locks: &mut VmaLocks<'_>, one: usize, other: usize) -> Result<usize> {
    let locked = locks.lock_vmas([one, other])?;
    let [one, other] = locked.views();
    #[cfg(misuse)]
    drop(locked); //~ E0505 "cannot move out of `locked` because it is borrowed"
    let distance = one.start().abs_diff(other.start());
    #[cfg(not(misuse))]
    drop(locked);
    Ok(distance)
}
