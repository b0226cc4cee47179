// SPDX-License-Identifier: GPL-2.0
//! After a split a VMA is another one, write-locked as before, but with another end: it is looked up
//! again.

use kernel::{
    mm::vma::{AdviceFlags, MmapGuard, MmapWrite},
    prelude::*,
};

fn dont_dump(mut mmap: MmapGuard<'_, MmapWrite>, addr: usize, at: usize) -> Result {
    #[cfg(misuse)]
    let vma = mmap.lookup(addr).ok_or(ENOENT)?.start_write();
    mmap.split(at)?; //~ E0502 "cannot borrow `mmap` as mutable because it is also borrowed as immutable"
    #[cfg(not(misuse))]
    let vma = mmap.lookup(addr).ok_or(ENOENT)?.start_write();
    vma.set_flags(AdviceFlags::DONTDUMP);
    Ok(())
}
