// SPDX-License-Identifier: GPL-2.0
//! One VMA at a time: the next one may have to be waited for by the mmap lock, which must not be while
//! the last one is locked.

use kernel::{mm::vma::VmaLocks, prelude::*};

fn two(locks: &mut VmaLocks<'_>) -> Result<Option<usize>> {
    let Some(vma) = locks.lock_next_vma(0)? else {
        return Ok(None);
    };
    let end = vma.end();
    #[cfg(not(misuse))]
    drop(vma);
    let next = locks.lock_next_vma(end)?; //~ E0499 "cannot borrow `*locks` as mutable more than once"
    #[cfg(misuse)]
    drop(vma);
    Ok(next.map(|next| next.start()))
}
