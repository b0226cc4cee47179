// SPDX-License-Identifier: GPL-2.0
//! Pages that `open` maps are in the way of those of the original: `move_page_tables()` warns, and
//! `copy_page_range()` overwrites them and loses their reference counts.

#[cfg(misuse)]
use kernel::mm::vma::Opening as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::VmaWrite as Held;
use kernel::mm::vma::{
    driver::{DriverVma, MixedMap, PfnBacked, SharedPage, VmaOperations},
    LockOrder,
};

fn map<T>(vma: &DriverVma<T, Held>, page: &SharedPage)
where
    T: VmaOperations<PageKind = MixedMap>,
    T::Data: PfnBacked,
{
    let addr = vma.start();
    let _ = vma.insert_page(&mut LockOrder::new(), addr, page); //~ E0277 "cannot be installed at lock level `Opening`"
    let _ = vma.insert_pages(&mut LockOrder::new(), addr, &[page]); //~ E0277 "cannot be installed at lock level `Opening`"
    let _ = vma.insert_pfn(&mut LockOrder::new(), addr, 0); //~ E0277 "cannot be installed at lock level `Opening`"
    let _ = vma.with_pte_alloc(&mut LockOrder::new(), addr, |_| ()); //~ E0277 "cannot be installed at lock level `Opening`"
}
