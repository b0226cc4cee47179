// SPDX-License-Identifier: GPL-2.0
//! The data that `.mmap_prepare` gives is shared only when the VMA is there, so it is borrowed for
//! the whole of `mmap()`: from the device, not from the hook.

use kernel::mm::vma::driver::{OperationsTable, Plain, Prepared, ViaMmapPrepare, VmaDesc};
use kernel::sync::Arc;

fn of_the_device<'a, T>(desc: VmaDesc<'a>, device: &'a Arc<u32>) -> Prepared<'a>
where
    T: OperationsTable<PageKind = Plain, Hook = ViaMmapPrepare, Data = Arc<u32>>,
{
    #[cfg(misuse)]
    let device = &device.clone();
    desc.with_ops::<T>(device) //~ E0515 "cannot return value referencing temporary value"
}

fn of_the_file<'a, T>(desc: VmaDesc<'a>, device: &'a Arc<u32>) -> Prepared<'a>
where
    T: OperationsTable<PageKind = Plain, Hook = ViaMmapPrepare, Data = Arc<u32>>,
{
    #[cfg(misuse)]
    let file = device.clone();
    #[cfg(misuse)]
    let device = &file;
    desc.with_ops::<T>(device) //~ E0515 "cannot return value referencing local variable `file`"
}
