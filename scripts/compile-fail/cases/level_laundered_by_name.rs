// SPDX-License-Identifier: GPL-2.0
//! The name of a VMA is what its driver's `name()` says, which is handed a view at the level `Read`
//! and may map pages. So it is not asked for in `open` or `close`.

use kernel::mm::vma::driver::{DriverVma, VmaOperations};
#[cfg(misuse)]
use kernel::mm::vma::{Closing as InClose, Opening as InOpen};
#[cfg(not(misuse))]
use kernel::mm::vma::{MmapRead as InClose, MmapWrite as InOpen};
use kernel::prelude::*;

fn close<T: VmaOperations>(vma: &DriverVma<T, InClose>, name: &mut [u8]) -> Result {
    vma.name(name)?; //~ E0277 "a view at lock level `Closing` cannot be read as one at the level `Read`"
    Ok(())
}

fn open<T: VmaOperations>(vma: &DriverVma<T, InOpen>, name: &mut [u8]) -> Result {
    vma.name(name)?; //~ E0277 "a view at lock level `Opening` cannot be read as one at the level `Read`"
    Ok(())
}
