// SPDX-License-Identifier: GPL-2.0
//! A cursor holds a VMA read lock, and RCU, so its task must not wait, least of all for the mmap
//! lock. To wait, drop the cursor and begin another at its `addr()`.

use kernel::{mm::vma::VmaLocks, prelude::*};

fn mmap_lock(locks: &mut VmaLocks<'_>) -> Result<bool> {
    let mut cursor = locks.cursor(0);
    cursor.lock_next()?;
    let addr = cursor.addr();
    #[cfg(not(misuse))]
    drop(cursor);
    let mmap = locks.read(); //~ E0499 "cannot borrow `*locks` as mutable more than once at a time"
    let found = mmap.lookup(addr).is_some();
    #[cfg(misuse)]
    drop(cursor);
    Ok(found)
}

fn vma_lock(locks: &mut VmaLocks<'_>) -> Result<bool> {
    let mut cursor = locks.cursor(0);
    cursor.lock_next()?;
    let addr = cursor.addr();
    #[cfg(not(misuse))]
    drop(cursor);
    let vma = locks.lock_vma(addr); //~ E0499 "cannot borrow `*locks` as mutable more than once at a time"
    let found = vma.is_some();
    #[cfg(misuse)]
    drop(cursor);
    Ok(found)
}
