// SPDX-License-Identifier: GPL-2.0
//! Of VMA read locks there can be several, so none of them says that it is the innermost: two files
//! could be locked at once, in any order.

use kernel::{
    fs::LocalFile,
    mm::vma::{rmap::IMmap, VmaLocks},
};

fn both(locks: &mut VmaLocks<'_>, addr: usize, one: &LocalFile, other: &LocalFile) -> Option<usize> {
    let mut mmap = locks.read();
    #[cfg(misuse)]
    let mut vma = mmap.lock_vma(addr).ok()?;
    #[cfg(not(misuse))]
    drop(IMmap::of(one).lock_read(&mut mmap.nest().1));
    #[cfg(misuse)]
    let (_vma, mut inside) = vma.nest(); //~ E0599 "no method named `nest` found for struct"
    #[cfg(misuse)]
    let first = IMmap::of(one).lock_read(&mut inside);
    let (mmap, mut order) = mmap.nest();
    let second = IMmap::of(other).lock_read(&mut order);
    #[cfg(misuse)]
    drop(first);
    mmap.lookup(addr)?;
    Some(second.vmas(0..=usize::MAX).count())
}
