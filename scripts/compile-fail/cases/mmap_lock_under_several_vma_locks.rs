// SPDX-License-Identifier: GPL-2.0
//! However many VMAs are locked: to wait for the mmap lock then is a deadlock, because a writer that has
//! it may be waiting for one of them.

use kernel::{mm::vma::VmaLocks, prelude::*};

fn read(locks: &mut VmaLocks<'_>, addrs: [usize; 3]) -> Result {
    let locked = locks.lock_vmas(addrs)?;
    #[cfg(not(misuse))]
    drop(locked);
    let mmap = locks.read(); //~ E0499 "cannot borrow `*locks` as mutable more than once at a time"
    #[cfg(misuse)]
    drop(locked);
    drop(mmap);
    Ok(())
}

fn write(locks: &mut VmaLocks<'_>, addrs: [usize; 3]) -> Result {
    let locked = locks.lock_vmas(addrs)?;
    #[cfg(not(misuse))]
    drop(locked);
    let mmap = locks.write(); //~ E0499 "cannot borrow `*locks` as mutable more than once at a time"
    #[cfg(misuse)]
    drop(locked);
    drop(mmap);
    Ok(())
}

fn several_more(locks: &mut VmaLocks<'_>, addrs: [usize; 3]) -> Result {
    let locked = locks.lock_vmas(addrs)?;
    #[cfg(not(misuse))]
    drop(locked);
    let more = locks.lock_vmas([0, 1])?; //~ E0499 "cannot borrow `*locks` as mutable more than once at a time"
    #[cfg(misuse)]
    drop(locked);
    drop(more);
    Ok(())
}
