// SPDX-License-Identifier: GPL-2.0
//! `replace()` waits for faults, which allocate memory, and takes a reverse-mapping lock.

use kernel::fs::LocalFile;
use kernel::mm::vma::{driver::FrameSlots, rmap::IMmap, LockOrder};

fn empty(file: &LocalFile, slots: &FrameSlots<()>) -> usize {
    let mut order = LockOrder::new();
    #[cfg(not(misuse))]
    let _ = slots.replace(&mut order, 0, None);
    #[cfg_attr(not(misuse), allow(unused_mut))]
    let mut i_mmap = IMmap::of(file).lock_read(&mut order);
    #[cfg(misuse)]
    let (i_mmap, mut order) = i_mmap.nest();
    #[cfg(misuse)]
    let _ = slots.replace(&mut order, 0, None); //~ E0277 "IMmapLock"
    i_mmap.vmas(0..=usize::MAX).count()
}
