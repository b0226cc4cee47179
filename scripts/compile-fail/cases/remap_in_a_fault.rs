// SPDX-License-Identifier: GPL-2.0
//! `remap_pfn_range()` changes flags of the VMA, so it is called in the mmap hook: vfio-pci called
//! it in its fault handler, under the read lock (fixed by aac6db75a9fc). A fault inserts a frame.

use kernel::mm::vma::LockOrder;
use kernel::mm::vma::driver::{Fault, FaultOutcome, PfnBacked, PfnMap, VmaOperations};

fn fault<T>(fault: Fault<'_, T>) -> FaultOutcome<'_>
where
    T: VmaOperations<PageKind = PfnMap>,
    T::Data: PfnBacked,
{
    let vma = fault.vma();
    #[cfg(misuse)]
    let result = vma.remap_pfn_range(vma.start(), 0, 1); //~ E0599 "no method named `remap_pfn_range` found"
    #[cfg(not(misuse))]
    let result = vma.insert_pfn(&mut LockOrder::new(), vma.start(), 0);
    fault.inserted(result)
}
