// SPDX-License-Identifier: GPL-2.0
//! Coherent DMA memory is mapped by the DMA API alone, when the VMA is in the reverse mapping: not
//! as page frames, not by a fault, and not in the `.mmap` hook.

use kernel::mm::vma::driver::{
    DmaMap, DmaMemory, Fault, FaultOutcome, Prepared, ViaMmapPrepare, VmaDesc, VmaOperations,
    VmaSetup,
};
use kernel::prelude::*;
use kernel::sync::Arc;

type Memory = Arc<DmaMemory<[u8]>>;

include!("support/module.rs");

struct Ops;

kernel::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = Memory;
    type PageKind = DmaMap;
    type Hook = ViaMmapPrepare;

    #[cfg(misuse)]
    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        fault.insert_pfn(0) //~ E0277 "page frames cannot be inserted into a VMA of the kind `DmaMap`"
        //~^ E0277 "has no page frames"
    }
    #[cfg(not(misuse))]
    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        fault.sigbus()
    }
}

#[cfg(not(misuse))]
fn mmap<'a>(desc: VmaDesc<'a>, memory: &'a Memory) -> Result<Prepared<'a>> {
    desc.map_dma::<Ops>(memory, 0)
}

#[cfg(misuse)]
fn mmap<'a>(desc: VmaDesc<'a>, memory: &'a Memory) -> Result<Prepared<'a>> {
    Ok(desc.pfnmap()?.with_ops::<Ops>(memory)) //~ E0277 "those with `DmaMap` by `map_dma()`"
}

#[cfg(misuse)]
fn mmap_after_a_kind<'a>(desc: VmaDesc<'a>, memory: &'a Memory) -> Result<Prepared<'a>> {
    desc.mixedmap().map_dma::<Ops>(memory, 0) //~ E0277 "the VMA has the kind `MixedMap` already"
}

#[cfg(misuse)]
fn setup(vma: VmaSetup<'_>, memory: &Memory) {
    let _ = vma.map_dma::<Ops>(memory, 0); //~ E0599 "no method named `map_dma` found for struct `VmaSetup<'_>`"
}
#[cfg(not(misuse))]
fn setup(_vma: VmaSetup<'_>) {}
