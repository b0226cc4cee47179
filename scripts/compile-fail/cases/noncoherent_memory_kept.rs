// SPDX-License-Identifier: GPL-2.0
//! Non-coherent DMA memory is there until its guard is dropped, and is mapped by the DMA API alone.

use kernel::mm::vma::driver::{
    DmaMap, NoncoherentGuard, NoncoherentMemory, Prepared, ViaMmapPrepare, VmaDesc, VmaOperations,
};
use kernel::prelude::*;
use kernel::sync::Arc;

include!("support/module.rs");

struct Ops;

kernel::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = Arc<NoncoherentMemory>;
    type PageKind = DmaMap;
    type Hook = ViaMmapPrepare;
}

fn mmap<'a>(desc: VmaDesc<'a>, memory: &'a Arc<NoncoherentMemory>) -> Result<Prepared<'a>> {
    #[cfg(misuse)]
    return Ok(desc.pfnmap()?.with_ops::<Ops>(memory)); //~ E0277 "those with `DmaMap` by `map_dma()`"
    #[cfg(not(misuse))]
    desc.map_dma::<Ops>(memory, 0)
}

#[cfg(misuse)]
fn kept(memory: Arc<NoncoherentMemory>) -> Option<NoncoherentGuard<'static>> {
    memory.try_access() //~ E0515 "cannot return value referencing function parameter `memory`"
}
#[cfg(not(misuse))]
fn kept(memory: &NoncoherentMemory) -> Option<NoncoherentGuard<'_>> {
    memory.try_access()
}

fn freed(memory: Arc<NoncoherentMemory>) {
    let guard = memory.try_access();
    #[cfg(misuse)]
    drop(memory); //~ E0505 "cannot move out of `memory` because it is borrowed"
    drop(guard);
}
