// SPDX-License-Identifier: GPL-2.0
//! A cursor locks one VMA at a time: to go on is to unlock the last.

use kernel::{mm::vma::VmaLocks, prelude::*};

fn two(locks: &mut VmaLocks<'_>) -> Result<Option<(usize, usize)>> {
    let mut cursor = locks.cursor(0);
    let Some(vma) = cursor.lock_next()? else {
        return Ok(None);
    };
    #[cfg(not(misuse))]
    let end = vma.end();
    let next = cursor.lock_next()?.map(|next| next.start()); //~ E0499 "cannot borrow `cursor` as mutable more than once at a time"
    #[cfg(misuse)]
    let end = vma.end();
    Ok(next.map(|next| (end, next)))
}
