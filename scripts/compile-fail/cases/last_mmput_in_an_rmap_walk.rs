// SPDX-License-Identifier: GPL-2.0
//! To drop the last user of an address space takes the locks of reverse mappings, so none is taken
//! while such a lock is held: not with the order that the guard gives, and not with the one that it
//! borrows.

use kernel::mm::{
    vma::{
        rmap::{IMmap, IMmapReadGuard},
        GrabbedMm, LockOrder,
    },
    MmWithUser,
};
use kernel::{fs::LocalFile, sync::aref::ARef};

#[cfg(misuse)]
fn further_inside(i_mmap: &mut IMmapReadGuard<'_>) -> Option<ARef<MmWithUser>> {
    let (i_mmap, mut order) = i_mmap.nest();
    let mm = i_mmap.vmas(0..=0).next()?.grab_mm();
    mm.try_get_user(&mut order).ok()??; //~ E0277 "the users of an address space cannot be counted while `IMmapLock` is held"
    mm.get_user_killable(&mut order).ok()??; //~ E0277 "to drop the last user tears the address space down"
    mm.get_user(&mut order) //~ E0277 "a lock of the class `IMmapLock` is held"
}

fn after(file: &LocalFile, order: &mut LockOrder<'_>) -> Option<ARef<MmWithUser>> {
    let i_mmap: IMmapReadGuard<'_> = IMmap::of(file).lock_read(order);
    let mm: GrabbedMm = i_mmap.vmas(0..=0).next()?.grab_mm();
    drop(i_mmap);
    mm.get_user(order)
}
