// SPDX-License-Identifier: GPL-2.0
//! The token for nested locks that a guard gave out is gone with the guard.

use kernel::{
    fs::LocalFile,
    mm::vma::{
        rmap::{AnonVma, IMmap},
        LockOrder,
    },
};

fn both(file: &LocalFile, anon_vma: &AnonVma) {
    let mut outside = LockOrder::new();
    let mut guard = IMmap::of(file).lock_write(&mut outside);
    let (_i_mmap, mut order) = guard.nest();
    #[cfg(misuse)]
    drop(guard); //~ E0505 "cannot move out of `guard` because it is borrowed"
    drop(anon_vma.lock_write(&mut order));
    #[cfg(not(misuse))]
    drop(guard);
}
