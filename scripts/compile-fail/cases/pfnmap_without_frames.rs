// SPDX-License-Identifier: GPL-2.0
//! The memory type of a `VM_PFNMAP` VMA is that of its frames, so its data has some.

use kernel::mm::vma::driver::{PfnMap, ViaMmap, VmaOperations};
use kernel::{prelude::*, sync::Arc};

include!("support/module.rs");

#[cfg(misuse)]
type Memory = Arc<usize>;
#[cfg(not(misuse))]
type Memory = Arc<kernel::mm::vma::driver::PfnRegion<usize>>;

struct Ops;

#[vtable]
impl VmaOperations for Ops {
    type Data = Memory; //~ E0277 "cannot be the private data of a VMA of the kind `PfnMap`"
    type PageKind = PfnMap;
    type Hook = ViaMmap;
}
