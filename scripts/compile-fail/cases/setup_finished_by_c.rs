// SPDX-License-Identifier: GPL-2.0
//! A C function that sets up the VMA chooses its kind itself, and no type says what it leaves: unsafe
//! code calls it, before a kind is chosen.

use kernel::bindings;
use kernel::mm::vma::driver::{Mapped, VmaSetup};
use kernel::prelude::*;

fn c_mmap(_vma: *mut bindings::vm_area_struct) -> i32 {
    0
}

#[cfg(not(misuse))]
fn mmap(vma: VmaSetup<'_>) -> Result<Mapped<'_>> {
    // SAFETY: It does nothing.
    unsafe { vma.finish_in_c(c_mmap) }
}

#[cfg(misuse)]
fn mmap(vma: VmaSetup<'_>) -> Result<Mapped<'_>> {
    vma.finish_in_c(c_mmap) //~ E0133 "call to unsafe function"
}

#[cfg(misuse)]
fn mmap_mixed(vma: VmaSetup<'_>) -> Result<Mapped<'_>> {
    let vma = vma.mixedmap();
    // SAFETY: It does nothing.
    unsafe { vma.finish_in_c(c_mmap) } //~ E0599 "no method named `finish_in_c` found for struct `VmaSetup<'_, MixedMap>`"
}
