// SPDX-License-Identifier: GPL-2.0
//! In `kernel::mm::virt` a VMA that is set up gets no operations; the hook with a `VmaSetup` gives
//! them.

#[cfg(misuse)]
use kernel::mm::virt::VmaNew as New;
#[cfg(not(misuse))]
use kernel::mm::vma::driver::VmaSetup as New;
use kernel::mm::vma::driver::{OperationsTable, Plain, ViaMmap};

#[cfg(misuse)]
fn mmap<T: OperationsTable<PageKind = Plain, Hook = ViaMmap>>(vma: &New, data: T::Data) {
    let _mapped = vma.with_ops::<T>(data); //~ E0277 "implement `mmap_setup()` in place of `mmap()`"
}
#[cfg(not(misuse))]
fn mmap<T: OperationsTable<PageKind = Plain, Hook = ViaMmap>>(vma: New<'_>, data: T::Data) {
    let _mapped = vma.with_ops::<T>(data);
}
