// SPDX-License-Identifier: GPL-2.0
//! There is no guard of the VMA write lock: it ends with the mmap write lock.

use kernel::mm::vma::MmapGuard;
#[cfg(not(misuse))]
use kernel::mm::vma::MmapWrite as Held;
#[cfg(misuse)]
use kernel::mm::vma::VmaWrite as Held;

fn guard(_: MmapGuard<'_, Held>) {} //~ E0277 "is not a mode of the mmap lock"
