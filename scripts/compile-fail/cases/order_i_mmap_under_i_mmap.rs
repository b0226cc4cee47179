// SPDX-License-Identifier: GPL-2.0
//! Two files are locked one after the other: another task may have the second and want the first.
//@order: i_mmap under i_mmap

use kernel::{
    fs::LocalFile,
    mm::vma::{rmap::IMmap, LockOrder},
};

fn both(one: &LocalFile, other: &LocalFile) -> usize {
    let mut order = LockOrder::new();
    #[cfg(misuse)]
    let mut one = IMmap::of(one).lock_read(&mut order);
    #[cfg(misuse)]
    let (_one, mut order) = one.nest();
    #[cfg(not(misuse))]
    drop(IMmap::of(one).lock_read(&mut order));
    let other = IMmap::of(other).lock_read(&mut order); //~ E0277 "`IMmapLock` cannot be taken while `IMmapLock` is held"
    other.vmas(0..=usize::MAX).count()
}
