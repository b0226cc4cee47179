// SPDX-License-Identifier: GPL-2.0
//! What a walk of a file's mappings found is freed once the lock is gone.

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
