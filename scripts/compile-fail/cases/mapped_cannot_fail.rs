// SPDX-License-Identifier: GPL-2.0
//! When `mapped` is called the VMA may have page frames, and it must get the data that keeps them:
//! the kernel cannot always unmap it again.

use kernel::mm::vma::driver::{MappedRange, Plain, ViaMmapPrepare, VmaOperations};
use kernel::{prelude::*, sync::Arc};

include!("support/module.rs");

#[cfg(misuse)]
type Answer = Result;
#[cfg(not(misuse))]
type Answer = ();

struct Ops;

#[vtable]
impl VmaOperations for Ops {
    type Data = Arc<usize>;
    type PageKind = Plain;
    type Hook = ViaMmapPrepare;

    fn mapped(_data: &Arc<usize>, _range: &MappedRange<'_>) -> Answer {
        //~^ E0053 "method `mapped` has an incompatible type for trait"
        #[cfg(misuse)]
        return Err(ENOMEM);
    }
}
