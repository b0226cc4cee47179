// SPDX-License-Identifier: GPL-2.0
//@needs: CONFIG_DRM
//! The VMAs of a GEM object map frames of memory that stays for as long as the object is borrowed:
//! not of what only the guard of a lock keeps.

use kernel::drm::gem::{DriverObject, Object};
use kernel::mm::vma::driver::{
    DeviceMap, Fault, FaultOutcome, FramesObject, LendsFrames, MappableObject, Pieces, ViaMmap,
    VmaOperations, VmaSetup,
};
use kernel::prelude::*;
use kernel::sync::{aref::ARef, Mutex};

include!("support/module.rs");
include!("support/drm.rs");

#[pin_data]
struct Part {
    pieces: Pieces,
    #[pin]
    others: Mutex<Pieces>,
}

impl DriverObject for Part {
    type Driver = Driver;
    type Args = ();

    fn new(_: &kernel::drm::Device<Driver>, _: usize, _: ()) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            pieces: Pieces::new(),
            others <- kernel::new_mutex!(Pieces::new()),
        })
    }
}

impl MappableObject for Part {
    type Ops = Ops;

    fn mmap_setup<'a>(_: &'a Object<Self>, vma: VmaSetup<'a>) -> Result<VmaSetup<'a>> {
        Ok(vma)
    }
}

impl FramesObject for Part {
    #[cfg(not(misuse))]
    fn frames(object: &Object<Self>) -> &dyn LendsFrames {
        let _ = &object.others;
        &object.pieces
    }

    #[cfg(misuse)]
    fn frames(object: &Object<Self>) -> &dyn LendsFrames {
        let others = object.others.lock();
        &*others //~ E0515 "returns a value referencing data owned by the current function"
    }
}

struct Ops;

kernel::vm_operations!(Ops);

#[vtable]
impl VmaOperations for Ops {
    type Data = ARef<Object<Part>>;
    type PageKind = DeviceMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        match fault.data().page_index(fault.pgoff()) {
            Some(page) => fault.insert_pfn(page),
            None => fault.sigbus(),
        }
    }
}
