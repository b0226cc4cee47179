// SPDX-License-Identifier: GPL-2.0
//! The lock of a file's mappings does not outlive the reference to the file.

use kernel::{fs::File, mm::vma::{rmap::IMmap, LockOrder}, sync::aref::ARef};

fn count(file: ARef<File>) -> usize {
    let mut order = LockOrder::new();
    let i_mmap = IMmap::of(&file).lock_read(&mut order);
    #[cfg(misuse)]
    drop(file); //~ E0505 "cannot move out of `file` because it is borrowed"
    i_mmap.vmas(0..=usize::MAX).count()
}
