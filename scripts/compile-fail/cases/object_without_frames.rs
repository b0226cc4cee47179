// SPDX-License-Identifier: GPL-2.0
//@needs: CONFIG_DRM
//! Operations that map page frames are for a GEM object that has some, and none are for an object
//! whose memory only the DMA API maps.

use kernel::drm::gem::{DriverObject, Object};
#[cfg(misuse)]
use kernel::mm::vma::driver::{DeviceMap, DmaMap};
use kernel::mm::vma::driver::{MappableObject, Plain, ViaMmap, VmaOperations, VmaSetup};
use kernel::prelude::*;
use kernel::sync::aref::ARef;

include!("support/module.rs");
include!("support/drm.rs");

struct Part;

impl DriverObject for Part {
    type Driver = Driver;
    type Args = ();

    fn new(_: &kernel::drm::Device<Driver>, _: usize, _: ()) -> impl PinInit<Self, Error> {
        Ok(Self)
    }
}

impl MappableObject for Part {
    type Ops = Ops;

    fn mmap_setup<'a>(_: &'a Object<Self>, vma: VmaSetup<'a>) -> Result<VmaSetup<'a>> {
        Ok(vma)
    }
}

struct Ops;

kernel::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = ARef<Object<Part>>; //~ E0277 "a GEM object of `Part` has no page frames"
    #[cfg(not(misuse))]
    type PageKind = Plain;
    #[cfg(misuse)]
    type PageKind = DeviceMap;
    type Hook = ViaMmap;
}

#[cfg(misuse)]
struct DmaOps;

#[cfg(misuse)]
kernel::vm_operations!(DmaOps);

#[cfg(misuse)]
#[vtable]
impl VmaOperations for DmaOps {
    type Data = ARef<Object<Part>>; //~ E0277 "cannot be the private data of a VMA of the kind `DmaMap`"
    type PageKind = DmaMap;
    type Hook = ViaMmap;
}
