// SPDX-License-Identifier: GPL-2.0
//! A VMA that the reverse mapping finds, or that `open` or `close` is handed, can be of the child of
//! a fork that is not complete: a lookup without the mmap lock would meet a tree that is being
//! filled. What can be had there is kept, and used after that fork.

use kernel::{
    fs::LocalFile,
    mm::{
        vma::{
            driver::{DriverVma, VmaOperations},
            rmap::IMmap,
            Closing, GrabbedMm, LockOrder, Opening,
        },
        MmWithUser,
    },
    sync::aref::ARef,
};

fn any_mapper(file: &LocalFile) -> Option<ARef<MmWithUser>> {
    let mut order = LockOrder::new();
    let i_mmap = IMmap::of(file).lock_read(&mut order);
    let vma = i_mmap.vmas(0..=0).next()?;

    #[cfg(misuse)]
    return vma.mm().mmget_not_zero(); //~ E0277 "the `Mm` of a VMA cannot be reached at lock level `Rmap`"
    #[cfg(not(misuse))]
    {
        let mm = vma.grab_mm();
        drop(i_mmap);
        mm.get_user(&mut order)
    }
}

fn open<T: VmaOperations>(vma: &DriverVma<T, Opening>) -> GrabbedMm {
    #[cfg(misuse)]
    let _mm = vma.mm(); //~ E0277 "call `get_user()` on that when no lock is held"
    vma.grab_mm()
}

fn close<T: VmaOperations>(vma: &DriverVma<T, Closing>) -> GrabbedMm {
    #[cfg(misuse)]
    let _mm = vma.mm(); //~ E0277 "to compare, use `mm_id()`"
    vma.grab_mm()
}
