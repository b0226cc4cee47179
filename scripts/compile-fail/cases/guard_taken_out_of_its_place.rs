// SPDX-License-Identifier: GPL-2.0
//! There is no guard of nothing that could be left in the place of a guard.

use core::mem::take;
use kernel::mm::vma::rmap::RmapWriteGuard;
use kernel::mm::vma::{MmapGuard, MmapRead, MmapWrite, VmaCursor, VmaGuard};

#[cfg(not(misuse))]
fn take_from<T>(place: &mut Option<T>) -> Option<T> {
    take(place)
}

fn taken<'s>(
    #[cfg(misuse)] read: &mut MmapGuard<'s, MmapRead>,
    #[cfg(misuse)] write: &mut MmapGuard<'s, MmapWrite>,
    #[cfg(misuse)] vma: &mut VmaGuard<'s>,
    #[cfg(misuse)] rmap: &mut RmapWriteGuard<'s>,
    #[cfg(misuse)] cursor: &mut VmaCursor<'s>,
    #[cfg(not(misuse))] read: &mut Option<MmapGuard<'s, MmapRead>>,
    #[cfg(not(misuse))] write: &mut Option<MmapGuard<'s, MmapWrite>>,
    #[cfg(not(misuse))] vma: &mut Option<VmaGuard<'s>>,
    #[cfg(not(misuse))] rmap: &mut Option<RmapWriteGuard<'s>>,
    #[cfg(not(misuse))] cursor: &mut Option<VmaCursor<'s>>,
) {
    #[cfg(misuse)]
    use take as take_from;
    drop(take_from(read)); //~ E0277 "Default` is not satisfied"
    drop(take_from(write)); //~ E0277 "Default` is not satisfied"
    drop(take_from(vma)); //~ E0277 "Default` is not satisfied"
    drop(take_from(rmap)); //~ E0277 "Default` is not satisfied"
    drop(take_from(cursor)); //~ E0277 "Default` is not satisfied"
}
