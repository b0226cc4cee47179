// SPDX-License-Identifier: GPL-2.0
//! In `.mmap_prepare` there is no VMA yet: pages come by faults, or by `.mmap`.

use kernel::mm::vma::driver::{MixedMap, SharedPage};
#[cfg(misuse)]
use kernel::mm::vma::driver::VmaDesc as New;
#[cfg(not(misuse))]
use kernel::mm::vma::driver::VmaSetup as New;
use kernel::prelude::*;

fn hook(mut vma: New<'_, MixedMap>, page: &SharedPage) -> Result {
    let start = vma.start();
    vma.insert_page(start, page) //~ E0599 "no method named `insert_page` found for struct `VmaDesc<'a, K>`"
}
