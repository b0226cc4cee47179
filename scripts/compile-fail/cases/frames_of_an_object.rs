// SPDX-License-Identifier: GPL-2.0
//@needs: CONFIG_DRM
//! The VMAs of a GEM object map frames of the memory that the object returns, and of no other kind
//! than the operations say. Frames that are lent stay with the task.

use kernel::drm::gem::{DriverObject, Object};
use kernel::mm::vma::driver::{
    DeviceMap, Fault, FaultOutcome, FramesObject, LendsFrames, Lent, MappableObject, Pieces,
    ViaMmap, VmaOperations, VmaSetup,
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

    #[cfg(not(misuse))]
    fn mmap_setup<'a>(_: &'a Object<Self>, vma: VmaSetup<'a>) -> Result<VmaSetup<'a>> {
        Ok(vma)
    }

    #[cfg(misuse)]
    fn mmap_setup<'a>(_: &'a Object<Self>, vma: VmaSetup<'a>) -> Result<VmaSetup<'a>> {
        vma.pfnmap() //~ E0308 "expected `Result<VmaSetup<'_>, Error>`"
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
        &object.others //~ E0277 "is not memory that a GEM object can map"
    }
}

fn another_task(_: impl Send) {}

#[cfg(not(misuse))]
fn lent(_lent: Lent<'_>) {
    another_task(());
}

#[cfg(misuse)]
fn lent(lent: Lent<'_>) {
    another_task(lent); //~ E0277 "cannot be sent between threads safely"
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
