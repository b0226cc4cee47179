// SPDX-License-Identifier: GPL-2.0
//! A VMA of coherent DMA memory has that memory as its data, and of bytes that user space may
//! change: all of them are values.

use kernel::mm::vma::driver::{DmaMap, DmaMemory, ViaMmapPrepare, VmaOperations};
use kernel::prelude::*;
use kernel::sync::Arc;

include!("support/module.rs");

struct Ops;

#[vtable]
impl VmaOperations for Ops {
    #[cfg(misuse)]
    type Data = Arc<u64>; //~ E0277 "cannot be the private data of a VMA of the kind `DmaMap`"
    #[cfg(not(misuse))]
    type Data = Arc<DmaMemory<u64>>;
    type PageKind = DmaMap;
    type Hook = ViaMmapPrepare;
}

struct OtherOps;

#[vtable]
impl VmaOperations for OtherOps {
    #[cfg(misuse)]
    type Data = Arc<DmaMemory<bool>>; //~ E0277 "the trait bound `bool: kernel::transmute::FromBytes` is not satisfied"
    #[cfg(not(misuse))]
    type Data = Arc<DmaMemory<u8>>;
    type PageKind = DmaMap;
    type Hook = ViaMmapPrepare;
}
