// SPDX-License-Identifier: GPL-2.0
//! A safe function cannot claim that a VMA is being set up: a mapped VMA is not set up again.

use kernel::mm::vma::{
    driver::{OperationsTable, Plain, ViaMmap, VmaSetup},
    Vma, VmaWrite,
};

fn take_over<T>(vma: &Vma<VmaWrite>, data: T::Data) -> i32
where
    T: OperationsTable<PageKind = Plain, Hook = ViaMmap>,
{
    #[cfg(misuse)]
    let result = VmaSetup::run_hook(vma.as_raw(), |vma| Ok(vma.with_ops::<T>(data))); //~ E0133 "call to unsafe function"
    #[cfg(not(misuse))]
    // SAFETY: This is only compiled.
    let result = unsafe { VmaSetup::run_hook(vma.as_raw(), |vma| Ok(vma.with_ops::<T>(data))) };
    result
}
