// SPDX-License-Identifier: GPL-2.0
//! A view from an iterator borrows the guard, as one from a lookup does.

use kernel::mm::vma::{AdviceFlags, MmapGuard, MmapWrite};

fn advise(mmap: MmapGuard<'_, MmapWrite>) {
    let last = mmap.vmas().last().map(|vma| vma.start_write());
    #[cfg(misuse)]
    drop(mmap.downgrade()); //~ E0505 "cannot move out of `mmap` because it is borrowed"
    if let Some(vma) = last {
        vma.set_flags(AdviceFlags::DONTDUMP);
    }
    #[cfg(not(misuse))]
    drop(mmap.downgrade());
}
