// SPDX-License-Identifier: GPL-2.0
//! The proof for a file's tree of mappings is its write lock.

#[cfg(misuse)]
use kernel::mm::vma::rmap::IMmapReadGuard as Guard;
#[cfg(not(misuse))]
use kernel::mm::vma::rmap::IMmapWriteGuard as Guard;
use kernel::mm::vma::{Vma, VmaWrite};

fn node(vma: &Vma<VmaWrite>, i_mmap: &Guard<'_>) -> bool {
    vma.shared_rb(i_mmap).is_ok() //~ E0308 "mismatched types"
}
