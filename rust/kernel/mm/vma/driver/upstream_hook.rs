// SPDX-License-Identifier: GPL-2.0

//! Compile-time diagnostics for operations given to a VMA in the hook of `kernel::mm::virt`.
//!
//! The hook of a misc device that is named `mmap` is handed a [`VmaNew`], which takes no
//! operations. It has the methods of a [`VmaSetup`](super::VmaSetup) here with a bound that it does
//! not meet, because the compiler would otherwise only say that there is no such method.

use super::VmaOperations;
use crate::{
    mm::virt::VmaNew,
    prelude::*, //
};

/// A VMA in a hook that gives it operations. Implemented for no VMA: a
/// [`VmaSetup`](super::VmaSetup) and a [`VmaDesc`](super::VmaDesc) have methods of their own.
#[diagnostic::on_unimplemented(
    message = "a `VmaNew` takes no operations and no private data",
    label = "needs a `VmaSetup`, which the hook `mmap_setup()` is handed",
    note = "implement `mmap_setup()` in place of `mmap()`: it is handed a `VmaSetup` and returns \
            what `with_ops()` makes of it"
)]
pub trait TakesOperations {}

#[doc(hidden)]
impl VmaNew {
    pub fn with_ops<'a, T: VmaOperations>(&'a self, _data: T::Data)
    where
        &'a Self: TakesOperations,
    {
    }

    pub fn remap_pfn_range<'a, T: VmaOperations>(
        &'a self,
        _data: T::Data,
        _addr: usize,
        _frame: usize,
        _pages: usize,
    ) -> Result
    where
        &'a Self: TakesOperations,
    {
        Err(EINVAL)
    }

    pub fn mixedmap<'a>(&'a self) -> &'a Self
    where
        &'a Self: TakesOperations,
    {
        self
    }

    pub fn pfnmap<'a>(&'a self) -> Result<&'a Self>
    where
        &'a Self: TakesOperations,
    {
        Err(EINVAL)
    }

    pub fn require_shared<'a>(&'a self) -> Result
    where
        &'a Self: TakesOperations,
    {
        Err(EINVAL)
    }
}
