// SPDX-License-Identifier: GPL-2.0

//! Compile-time diagnostics for operations given to a VMA in the hook of `kernel::mm::virt`.
//!
//! The hook of a misc device that is named `mmap` is handed a [`VmaNew`], which takes no
//! operations. It has the methods of a [`VmaSetup`](super::VmaSetup) here, as `decoys`.

use super::super::VmaOperations;
use crate::{
    error::Result,
    mm::{
        virt::VmaNew,
        vma::decoys::decoys, //
    }, //
};

decoys! {
    /// A VMA in a hook that gives it operations. Implemented for no VMA: a
    /// [`VmaSetup`](super::VmaSetup) and a [`VmaDesc`](super::VmaDesc) have methods of their own.
    #[diagnostic::on_unimplemented(
        message = "a `VmaNew` takes no operations and no private data",
        label = "needs a `VmaSetup`, which the hook `mmap_setup()` is handed",
        note = "implement `mmap_setup()` in place of `mmap()`: it is handed a `VmaSetup` and \
                returns what `with_ops()` makes of it"
    )]
    trait TakesOperations;

    impl[] VmaNew as Self {
        fn with_ops[T: VmaOperations](T::Data);
        fn remap_pfn_range[T: VmaOperations](T::Data, usize, usize, usize) -> Result;
        fn mixedmap() -> &'a Self;
        fn pfnmap() -> Result<&'a Self>;
        fn require_shared() -> Result;
    }
}
