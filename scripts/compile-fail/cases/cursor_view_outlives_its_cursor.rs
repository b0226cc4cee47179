// SPDX-License-Identifier: GPL-2.0
//! The VMA that a cursor has locked is unlocked with the cursor.

use kernel::{mm::vma::VmaLocks, prelude::*};

fn first(locks: &mut VmaLocks<'_>) -> Result<Option<usize>> {
    let mut cursor = locks.cursor(0);
    let Some(vma) = cursor.lock_next()? else {
        return Ok(None);
    };
    #[cfg(misuse)]
    drop(cursor); //~ E0505 "cannot move out of `cursor` because it is borrowed"
    let start = vma.start();
    #[cfg(not(misuse))]
    drop(cursor);
    Ok(Some(start))
}
