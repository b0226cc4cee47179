// SPDX-License-Identifier: GPL-2.0
//! Safe code cannot claim that frames stay while a VMA maps them, nor that user space may see them.

use kernel::mm::vma::driver::{MemoryType, PfnRegion};
use kernel::prelude::*;

fn registers(first_pfn: usize) -> impl PinInit<PfnRegion<()>, Error> {
    #[cfg(misuse)]
    let region = PfnRegion::from_frames(first_pfn, 1, MemoryType::Noncached, ()); //~ E0133 "call to unsafe function"
    #[cfg(not(misuse))]
    // SAFETY: This is only compiled.
    let region = unsafe { PfnRegion::from_frames(first_pfn, 1, MemoryType::Noncached, ()) };
    region
}
