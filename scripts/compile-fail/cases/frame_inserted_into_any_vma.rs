// SPDX-License-Identifier: GPL-2.0
//! Page frames go into a VMA of the driver that has them, so the VMA is asked whose it is.

use kernel::mm::vma::{
    driver::{OperationsTable, PfnBacked, PfnMap},
    MmapGuard,
    MmapRead,
};
use kernel::mm::vma::LockOrder;
use kernel::prelude::*;

fn insert<T>(mmap: &MmapGuard<'_, MmapRead>, addr: usize, frame: usize) -> Result
where
    T: OperationsTable<PageKind = PfnMap>,
    T::Data: PfnBacked,
{
    let vma = mmap.lookup(addr).ok_or(ENXIO)?;
    #[cfg(not(misuse))]
    let vma = vma.downcast::<T>().ok_or(ENXIO)?;
    vma.insert_pfn(&mut LockOrder::new(), addr, frame) //~ E0277 "it is not known whose VMA this is"
}
