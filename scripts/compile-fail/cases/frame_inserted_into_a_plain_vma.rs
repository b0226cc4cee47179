// SPDX-License-Identifier: GPL-2.0
//! Page frames need a VMA that says so: `vmf_insert_pfn_prot()` would end in `BUG_ON()`.

#[cfg(not(misuse))]
use kernel::mm::vma::driver::PfnMap as Pages;
#[cfg(misuse)]
use kernel::mm::vma::driver::Plain as Pages;
use kernel::mm::vma::{
    driver::{
        DriverVma, Fault, FaultOutcome, HugeFault, HugeFaultOutcome, PfnBacked, VmaOperations,
    },
    MmapRead,
};
use kernel::mm::vma::LockOrder;
use kernel::prelude::*;

fn insert<T>(vma: &DriverVma<T, MmapRead>, addr: usize) -> Result
where
    T: VmaOperations<PageKind = Pages>,
    T::Data: PfnBacked,
{
    vma.insert_pfn(&mut LockOrder::new(), addr, 0) //~ E0277 "page frames cannot be inserted into a VMA of the kind `Plain`"
}

fn fault<T>(fault: Fault<'_, T>) -> FaultOutcome<'_>
where
    T: VmaOperations<PageKind = Pages>,
    T::Data: PfnBacked,
{
    fault.insert_pfn(0) //~ E0277 "needs a VMA of the kind `PfnMap` or `MixedMap`"
}

fn huge_fault<T>(fault: HugeFault<'_, T>) -> HugeFaultOutcome<'_>
where
    T: VmaOperations<PageKind = Pages>,
    T::Data: PfnBacked,
{
    fault.insert_pfn_pmd(0) //~ E0277 "call `pfnmap()` before"
}
