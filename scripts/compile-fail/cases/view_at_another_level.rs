// SPDX-License-Identifier: GPL-2.0
//! A view does not pass for one at another level.

#[cfg(misuse)]
use kernel::mm::vma::MmapWrite as Held;
#[cfg(not(misuse))]
use kernel::mm::vma::VmaWrite as Held;
use kernel::mm::vma::{Vma, VmaWrite};

fn wants_write_lock(_: &Vma<VmaWrite>) {}

fn pass(vma: &Vma<Held>) {
    wants_write_lock(vma); //~ E0308 "expected `&Vma<VmaWrite>`, found `&Vma<MmapWrite>`"
}
