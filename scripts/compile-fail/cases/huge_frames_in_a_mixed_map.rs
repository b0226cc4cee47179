// SPDX-License-Identifier: GPL-2.0
//! A huge page of frames in a private `VM_MIXEDMAP` mapping would be written to, not copied.

#[cfg(misuse)]
use kernel::mm::vma::driver::MixedMap as Pages;
#[cfg(not(misuse))]
use kernel::mm::vma::driver::PfnMap as Pages;
use kernel::mm::vma::driver::{HugeFault, HugeFaultOutcome, PfnBacked, VmaOperations};

fn huge_fault<T>(fault: HugeFault<'_, T>) -> HugeFaultOutcome<'_>
where
    T: VmaOperations<PageKind = Pages>,
    T::Data: PfnBacked,
{
    fault.insert_pfn_pmd(0) //~ E0277 "needs a VMA of the kind `PfnMap`"
}
