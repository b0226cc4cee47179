// SPDX-License-Identifier: GPL-2.0
//! Reverse mappings are those of files and of anonymous memory, held for reading or for writing.

use kernel::mm::vma::rmap::{TreeRead, OfFile, RmapTreeGuard};

#[cfg(misuse)]
enum ForFun {}

#[cfg(misuse)]
impl kernel::mm::vma::rmap::TreeMode for ForFun { //~ E0277 "Sealed"
    const WRITE: bool = true;
}

#[cfg(misuse)]
fn is_empty(guard: &RmapTreeGuard<'_, OfFile, ForFun>) -> bool {
    guard.vmas(0..=0).next().is_none()
}
#[cfg(not(misuse))]
fn is_empty(guard: &RmapTreeGuard<'_, OfFile, TreeRead>) -> bool {
    guard.vmas(0..=0).next().is_none()
}
