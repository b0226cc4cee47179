// SPDX-License-Identifier: GPL-2.0
//! A private file mapping has both reverse mappings, and that of the file is locked first.
//@order: i_mmap under anon_vma

use kernel::{
    fs::LocalFile,
    mm::vma::{
        rmap::{AnonVma, IMmap},
        LockOrder,
    },
};

fn both(file: &LocalFile, anon_vma: &AnonVma) {
    let mut order = LockOrder::new();
    #[cfg(misuse)]
    let mut first = anon_vma.lock_write(&mut order);
    #[cfg(not(misuse))]
    let mut first = IMmap::of(file).lock_write(&mut order);
    let (_first, mut order) = first.nest();
    #[cfg(misuse)]
    let second = IMmap::of(file).lock_write(&mut order); //~ E0277 "`IMmapLock` cannot be taken while `AnonVmaLock` is held"
    #[cfg(not(misuse))]
    let second = anon_vma.lock_write(&mut order);
    drop(second);
}
