// SPDX-License-Identifier: GPL-2.0
//! While a reverse mapping is locked, its guard borrows the order that no lock was held in.

use kernel::{
    fs::LocalFile,
    mm::{
        vma::{rmap::IMmap, LockOrder},
        MmWithUser,
    },
    sync::aref::ARef,
};

fn any_mapper(file: &LocalFile, order: &mut LockOrder<'_>) -> Option<ARef<MmWithUser>> {
    let i_mmap = IMmap::of(file).lock_read(order);
    let mm = i_mmap.vmas(0..=0).next()?.grab_mm();
    #[cfg(not(misuse))]
    drop(i_mmap);
    let user = mm.get_user(order); //~ E0499 "cannot borrow `*order` as mutable more than once at a time"
    #[cfg(misuse)]
    drop(i_mmap);
    user
}
