// SPDX-License-Identifier: GPL-2.0
//! `munmap()` frees VMAs, so no view that was looked up before survives it.

use kernel::{mm::vma::{MmapGuard, MmapWrite}, prelude::*};

fn cut(mut mmap: MmapGuard<'_, MmapWrite>, addr: usize, len: usize) -> Result<usize> {
    let vma = mmap.lookup(addr).ok_or(ENOENT)?;
    #[cfg(not(misuse))]
    let start = vma.start();
    mmap.munmap(addr..addr + len)?; //~ E0502 "cannot borrow `mmap` as mutable because it is also borrowed as immutable"
    #[cfg(misuse)]
    let start = vma.start();
    Ok(start)
}
