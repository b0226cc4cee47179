// SPDX-License-Identifier: GPL-2.0
//! The pages that `.mmap_prepare` gives are mapped when the VMA is there, after the hook has
//! returned. So they are those of the device, not of the hook.

#[cfg(misuse)]
use kernel::mm::vma::driver::SharedPage;
use kernel::mm::vma::driver::{
    MixedMap, OperationsTable, Prepared, SharedBuffer, ViaMmapPrepare, VmaDesc,
};
use kernel::prelude::*;
use kernel::sync::Arc;

#[cfg(misuse)]
fn of_the_hook<'a, T>(desc: VmaDesc<'a>, device: &'a Arc<SharedBuffer>) -> Result<Prepared<'a>>
where
    T: OperationsTable<PageKind = MixedMap, Hook = ViaMmapPrepare, Data = Arc<SharedBuffer>>,
{
    let addr = desc.start();
    let pages = [SharedPage::new(GFP_KERNEL)?];
    desc.mixedmap().map_kernel_pages::<T>(device, addr, &pages) //~ E0515 "cannot return value referencing local variable `pages`"
}

fn of_a_share<'a, T>(desc: VmaDesc<'a>, device: &'a Arc<SharedBuffer>) -> Result<Prepared<'a>>
where
    T: OperationsTable<PageKind = MixedMap, Hook = ViaMmapPrepare, Data = Arc<SharedBuffer>>,
{
    let addr = desc.start();
    #[cfg(misuse)]
    let share = device.clone();
    #[cfg(not(misuse))]
    let share = device;
    desc.mixedmap().map_kernel_pages::<T>(device, addr, share.pages()) //~ E0515 "cannot return value referencing local variable `share`"
}
