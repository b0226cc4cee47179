// SPDX-License-Identifier: GPL-2.0
//! The token of an inner lock does not take the place of that of an outer one.

use core::mem::swap;
use kernel::mm::vma::rmap::IMmapReadGuard;
use kernel::mm::vma::MmapReadGuard;

fn swapped(
    mut mmap: MmapReadGuard<'_>,
    #[cfg(not(misuse))] mut another: MmapReadGuard<'_>,
    mut file: IMmapReadGuard<'_>,
) {
    let (_, mut outer) = mmap.order();
    #[cfg(misuse)]
    let (_, mut inner) = file.order();
    #[cfg(not(misuse))]
    let (_, inner) = file.order();
    #[cfg(misuse)]
    swap(&mut outer, &mut inner); //~ E0308 "MmapLock>`, found `&mut LockOrder<'_, IMmapLock>`"
    #[cfg(not(misuse))]
    {
        let (_, mut other) = another.order();
        swap(&mut outer, &mut other);
        drop(inner);
    }
}
