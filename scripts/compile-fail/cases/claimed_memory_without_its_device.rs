// SPDX-License-Identifier: GPL-2.0
//! Claimed memory is mapped for no longer than its device is bound. So a driver cannot keep the
//! claim by itself, which devres would not release.

use kernel::device::{Bound, Device};
use kernel::io::PhysAddr;
use kernel::mm::vma::driver::ClaimedMemory;
use kernel::page::PAGE_SIZE;
use kernel::prelude::*;

#[cfg(not(misuse))]
fn claim(device: &Device<Bound>, start: PhysAddr) -> Result<ClaimedMemory<'_>> {
    ClaimedMemory::new(device, start, PAGE_SIZE as _, c"registers")
}

#[cfg(misuse)]
fn claim(device: &Device<Bound>, start: PhysAddr) -> Result<ClaimedMemory<'static>> {
    ClaimedMemory::new(device, start, PAGE_SIZE as _, c"registers") //~ error "lifetime may not live long enough"
}
