// SPDX-License-Identifier: GPL-2.0
//! There is a view for each address that was asked for, which the compiler counts.

use kernel::{mm::vma::VmaLocks, prelude::*};

fn starts(locks: &mut VmaLocks<'_>, one: usize, other: usize) -> Result<(usize, usize)> {
    let locked = locks.lock_vmas([one, other])?;
    #[cfg(misuse)]
    let [one, other, _third] = locked.views(); //~ E0527 "pattern requires 3 elements but array has 2"
    #[cfg(not(misuse))]
    let [one, other] = locked.views();
    Ok((one.start(), other.start()))
}
