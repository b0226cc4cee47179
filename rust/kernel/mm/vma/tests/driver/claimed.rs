// SPDX-License-Identifier: GPL-2.0

#![cfg(any(CONFIG_X86_64, CONFIG_UML))]

//! The operations of memory that is claimed for a device.

use crate::{
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
    sync::Arc, //
};

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
