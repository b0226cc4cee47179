// SPDX-License-Identifier: GPL-2.0
//! The token of an inner lock does not take the place of that of an outer one.

use core::mem::swap;
use kernel::mm::vma::rmap::IMmapReadGuard;
use kernel::mm::vma::{MmapGuard, MmapRead};

fn swapped(
    mut mmap: MmapGuard<'_, MmapRead>,
    #[cfg(not(misuse))] mut another: MmapGuard<'_, MmapRead>,
    mut file: IMmapReadGuard<'_>,
) {
    let (_, mut outer) = mmap.nest();
    #[cfg(misuse)]
    let (_, mut inner) = file.nest();
    #[cfg(not(misuse))]
    let (_, inner) = file.nest();
    #[cfg(misuse)]
    swap(&mut outer, &mut inner); //~ E0308 "MmapLock>`, found `&mut LockOrder<'_, IMmapLock>`"
    #[cfg(not(misuse))]
    {
        let (_, mut other) = another.nest();
        swap(&mut outer, &mut other);
        drop(inner);
    }
}
