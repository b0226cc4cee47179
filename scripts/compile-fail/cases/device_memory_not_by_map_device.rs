// SPDX-License-Identifier: GPL-2.0
//! A VMA that maps the memory of a device has a file by which the device finds it. Frames that the
//! hook maps would be missed when the device goes away: the VMA is not in the reverse mapping yet.

use kernel::mm::vma::driver::{
    DeviceMap, DeviceMemory, Fault, FaultOutcome, Mapped, ViaMmap, VmaOperations, VmaSetup,
};
use kernel::prelude::*;
use kernel::sync::Arc;

type Memory = Arc<DeviceMemory<()>>;

include!("support/module.rs");

struct Ops;

kernel::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = Memory;
    type PageKind = DeviceMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let frame = fault.pgoff();
        fault.insert_pfn(frame)
    }
}

#[cfg(not(misuse))]
fn mmap(vma: VmaSetup<'_>, memory: Memory) -> Result<Mapped<'_>> {
    vma.map_device::<Ops>(memory)
}

#[cfg(misuse)]
fn mmap(vma: VmaSetup<'_>, memory: Memory) -> Result<Mapped<'_>> {
    Ok(vma.pfnmap()?.with_ops::<Ops>(memory)) //~ E0277 "operations with `type PageKind = DeviceMap` cannot be given to a VMA of the kind `PfnMap`"
}

#[cfg(misuse)]
fn mmap_all(vma: VmaSetup<'_>, memory: Memory) -> Result<Mapped<'_>> {
    let addr = vma.start();
    vma.pfnmap()?.remap_pfn_range::<Ops>(memory, addr, 0, 1) //~ E0277 "are given by `map_device()`"
    //~^ E0277 "has no page frames that stay for as long as it"
}
