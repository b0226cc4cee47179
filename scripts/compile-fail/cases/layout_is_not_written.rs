// SPDX-License-Identifier: GPL-2.0
//! The extent of a VMA cannot be written, whatever locks are held: it is in trees that are sorted
//! by it. A stack that was expanded under the mmap read lock was CVE-2023-3269.
//@never: "no method named"
//@never: "similar name"

use kernel::mm::vma::{MmapGuard, MmapWrite, RmapWrite, Vma};

fn grow_down(vma: &Vma<RmapWrite>, by: usize) -> usize {
    #[cfg(misuse)]
    vma.set_start(vma.start() - by); //~ E0277 "takes the mmap, VMA and rmap write locks, which are not enough"
    #[cfg(misuse)]
    vma.set_end(vma.end() + by); //~ E0277 "only mm/ can take a VMA out of them and put it back (C: `vma_set_range()`"
    #[cfg(misuse)]
    vma.set_pgoff(vma.pgoff() + by); //~ E0277 "the extent of a VMA is not written through a view"
    #[cfg(misuse)]
    vma.set_range(0, by, 0); //~ E0277 "the extent of a VMA is not written through a view"
    vma.end() - vma.start() + by
}

#[cfg(misuse)]
fn fault(vma: &Vma<kernel::mm::vma::Read>, addr: usize) -> kernel::error::Result {
    vma.expand_downwards(addr) //~ E0277 "only user space can let a mapping grow, by mremap(2) or as a stack"
}

fn shrink(mmap: &mut MmapGuard<'_, MmapWrite>, start: usize, end: usize) -> kernel::error::Result {
    #[cfg(misuse)]
    return mmap.lookup(start).map_or(Ok(()), |vma| vma.shrink(start, end, 0)); //~ E0277 "call `munmap()` or `split()` on an `MmapGuard<MmapWrite>`"
    #[cfg(not(misuse))]
    mmap.munmap(start..end)
}
