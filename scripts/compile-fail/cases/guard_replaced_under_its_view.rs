// SPDX-License-Identifier: GPL-2.0
//! A guard is not replaced, which drops it, while a view of what it protects is used.

use core::mem::replace;
use kernel::mm::vma::{LockedVmas, MmapGuard, MmapRead, ReadGuard, VmaGuard};

fn mmap<'s>(mut guard: MmapGuard<'s, MmapRead>, new: MmapGuard<'s, MmapRead>, addr: usize) -> usize {
    #[cfg(misuse)]
    let view = guard.lookup(addr);
    drop(replace(&mut guard, new)); //~ E0502 "cannot borrow `guard` as mutable"
    #[cfg(not(misuse))]
    let view = guard.lookup(addr);
    view.map_or(0, |vma| vma.start())
}

fn vma<'s>(mut guard: VmaGuard<'s>, new: VmaGuard<'s>) -> usize {
    let view = &*guard;
    let start = view.start();
    guard = new; //~ E0506 "cannot assign to `guard` because it is borrowed"
    #[cfg(not(misuse))]
    let view = &*guard;
    start + view.start()
}

fn either<'s>(mut guard: ReadGuard<'s>, new: ReadGuard<'s>) -> usize {
    #[cfg(misuse)]
    let view = &*guard;
    drop(replace(&mut guard, new)); //~ E0502 "cannot borrow `guard` as mutable"
    #[cfg(not(misuse))]
    let view = &*guard;
    view.start()
}

fn several<'s>(mut guard: LockedVmas<'s, 2>, new: LockedVmas<'s, 2>) -> usize {
    #[cfg(misuse)]
    let [view, _] = guard.views();
    drop(replace(&mut guard, new)); //~ E0502 "cannot borrow `guard` as mutable"
    #[cfg(not(misuse))]
    let [view, _] = guard.views();
    view.start()
}
