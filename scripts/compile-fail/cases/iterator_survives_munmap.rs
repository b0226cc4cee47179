// SPDX-License-Identifier: GPL-2.0
//! An iterator is a place in the tree that `munmap()` changes.

use kernel::{mm::vma::{MmapGuard, MmapWrite}, prelude::*};

fn unmap_all(mut mmap: MmapGuard<'_, MmapWrite>) -> Result {
    #[cfg(misuse)]
    for vma in mmap.vmas() {
        mmap.munmap(vma.start()..vma.end())?; //~ E0502 "cannot borrow `mmap` as mutable because it is also borrowed as immutable"
    }
    #[cfg(not(misuse))]
    while let Some(range) = mmap.vmas().next().map(|vma| vma.start()..vma.end()) {
        mmap.munmap(range)?;
    }
    Ok(())
}
