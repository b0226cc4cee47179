// SPDX-License-Identifier: GPL-2.0
//! While a guard lives, the order it was taken from is lent to it; the next one comes from the guard.

use kernel::{
    fs::LocalFile,
    mm::vma::{
        rmap::{AnonVma, IMmap},
        LockOrder,
    },
};

fn both(file: &LocalFile, anon_vma: &AnonVma) {
    let mut order = LockOrder::new();
    #[cfg_attr(misuse, allow(unused_mut))]
    let mut i_mmap = IMmap::of(file).lock_write(&mut order);
    #[cfg(not(misuse))]
    let (i_mmap, mut order) = i_mmap.nest();
    let anon_vma = anon_vma.lock_write(&mut order); //~ E0499 "cannot borrow `order` as mutable more than once at a time"
    let _vmas = i_mmap.vmas(0..=0);
    drop(anon_vma);
}
