// SPDX-License-Identifier: GPL-2.0
//! The extent of a VMA cannot be written, whatever locks are held: it is in trees that are sorted
//! by it. A stack that was expanded under the mmap read lock was CVE-2023-3269.

use kernel::mm::vma::{RmapWrite, Vma};

fn grow_down(vma: &Vma<RmapWrite>, by: usize) -> usize {
    #[cfg(misuse)]
    vma.set_start(vma.start() - by); //~ E0599 "no method named `set_start` found"
    #[cfg(misuse)]
    vma.set_end(vma.end() + by); //~ E0599 "no method named `set_end` found"
    #[cfg(misuse)]
    vma.set_pgoff(vma.pgoff() + by); //~ E0599 "no method named `set_pgoff` found"
    vma.end() - vma.start() + by
}
