// SPDX-License-Identifier: GPL-2.0
//! That frames stay for as long as a VMA has a share of them is a promise, and so is that user
//! space may have them.

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
