// SPDX-License-Identifier: GPL-2.0
//! There is no guard of nothing that could be left in the place of a guard.

use core::mem::take;
use kernel::mm::vma::rmap::RmapWriteGuard;
use kernel::mm::vma::{MmapReadGuard, MmapWriteGuard, VmaCursor, VmaReadGuard};

#[cfg(not(misuse))]
fn take_from<T>(place: &mut Option<T>) -> Option<T> {
    take(place)
}

fn taken<'s>(
    #[cfg(misuse)] read: &mut MmapReadGuard<'s>,
    #[cfg(misuse)] write: &mut MmapWriteGuard<'s>,
    #[cfg(misuse)] vma: &mut VmaReadGuard<'s>,
    #[cfg(misuse)] rmap: &mut RmapWriteGuard<'s>,
    #[cfg(misuse)] cursor: &mut VmaCursor<'s>,
    #[cfg(not(misuse))] read: &mut Option<MmapReadGuard<'s>>,
    #[cfg(not(misuse))] write: &mut Option<MmapWriteGuard<'s>>,
    #[cfg(not(misuse))] vma: &mut Option<VmaReadGuard<'s>>,
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
