// SPDX-License-Identifier: GPL-2.0
//! A VMA found by walking the mappings of a file may be freed once `i_mmap_rwsem` is released.

use kernel::{fs::File, mm::vma::{rmap::IMmap, LockOrder}};

fn first(file: &File) -> Option<usize> {
    let mut order = LockOrder::new();
    let i_mmap = IMmap::of(file).lock_read(&mut order);
    let vma = i_mmap.vmas(0..=usize::MAX).next()?;
    #[cfg(misuse)]
    drop(i_mmap); //~ E0505 "cannot move out of `i_mmap` because it is borrowed"
    let start = vma.start();
    #[cfg(not(misuse))]
    drop(i_mmap);
    Some(start)
}
