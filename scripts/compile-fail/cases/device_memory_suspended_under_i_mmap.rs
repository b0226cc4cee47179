// SPDX-License-Identifier: GPL-2.0
//! `suspend()` waits for faults, which allocate memory, and takes a reverse-mapping lock.

use kernel::fs::LocalFile;
use kernel::mm::vma::{driver::DeviceMemory, rmap::IMmap, LockOrder};

fn stop(file: &LocalFile, memory: &DeviceMemory<()>) -> usize {
    let mut order = LockOrder::new();
    #[cfg(not(misuse))]
    memory.suspend(&mut order);
    #[cfg_attr(not(misuse), allow(unused_mut))]
    let mut i_mmap = IMmap::of(file).lock_read(&mut order);
    #[cfg(misuse)]
    let (i_mmap, mut order) = i_mmap.nest();
    #[cfg(misuse)]
    memory.suspend(&mut order); //~ E0277 "IMmapLock"
    i_mmap.vmas(0..=usize::MAX).count()
}
