// SPDX-License-Identifier: GPL-2.0

//! Devices that are bound, and the operations of memory that is claimed for one.

use crate::{
    device::{
        Bound,
        Device, //
    },
    faux::Registration,
    mm::vma::driver::{
        DeviceMap,
        DeviceMemory,
        DevresClaimedMemory,
        Fault,
        FaultOutcome,
        ViaMmap,
        VmaOperations, //
    },
    prelude::*,
    str::CString,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    }, //
};

static DEVICES: Atomic<u32> = Atomic::new(0);

/// Makes a device that is bound until the registration is dropped.
pub(super) fn bind() -> Result<Registration> {
    // A test that fails leaves its device behind.
    let number = DEVICES.fetch_add(1, Relaxed);
    let name = CString::try_from_fmt(fmt!("rust_vma_kunit.{number}"))?;
    Registration::new(&name, None)
}

pub(super) fn bound_device(bound: &Registration) -> &Device<Bound> {
    let faux: &crate::faux::Device<Bound> = bound.as_ref();
    faux.as_ref()
}

pub(super) type Claimed = Arc<DeviceMemory<DevresClaimedMemory>>;

/// Faults map the frame of the page offset.
pub(super) struct ClaimedOps;

crate::vm_operations!(ClaimedOps);

#[vtable]
impl VmaOperations for ClaimedOps {
    type Data = Claimed;
    type PageKind = DeviceMap;
    type Hook = ViaMmap;

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        let frame = fault.pgoff();
        fault.insert_pfn(frame)
    }
}
