// SPDX-License-Identifier: GPL-2.0

//! The operations of the VMAs that map a buffer.

use crate::buffer::{
    Buffer,
    Mapping,
    CLOSED,
    FAULTS,
    OPENED, //
};
use kernel::{
    mm::vma::{
        driver::{
            DriverVma,
            Fault,
            FaultOutcome,
            MapPages,
            MixedMap,
            ViaMmap,
            VmaOperations, //
        },
        Closing,
        Opening,
        VmaWrite, //
    },
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    }, //
};

pub(crate) struct BufferOps;

kernel::vm_operations!(BufferOps);

#[vtable]
impl VmaOperations for BufferOps {
    type Data = Arc<Buffer>;
    type PageKind = MixedMap;
    type Hook = ViaMmap;

    fn open(vma: &DriverVma<Self, Opening>) {
        vma.data().inner.lock().vmas += 1;
        OPENED.fetch_add(1, Relaxed);
    }

    fn close(vma: &DriverVma<Self, Closing>) {
        vma.data().inner.lock().vmas -= 1;
        CLOSED.fetch_add(1, Relaxed);
    }

    fn mremap(vma: &DriverVma<Self, VmaWrite>) -> Result {
        vma.data().inner.lock().mapping = Some(Mapping::of(vma));
        Ok(())
    }

    fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
        FAULTS.fetch_add(1, Relaxed);

        // The page is inserted under the mutex, so it is not reclaimed before it is mapped.
        let result = fault
            .data()
            .inner
            .lock()
            .page(fault.pgoff())
            .and_then(|page| fault.try_insert_page(page));
        fault.inserted(result)
    }

    // With this callback, faults are handled under the VMA lock. It must not sleep, so it does
    // nothing if the mutex is taken: `fault()` maps the page then.
    fn map_pages(around: &mut MapPages<'_, Self>) {
        let buffer: Arc<Buffer> = around.data().into();
        let Some(inner) = buffer.inner.try_lock() else {
            return;
        };

        for index in around.pgoffs() {
            if let Some(page) = inner.existing_page(index) {
                around.map(index, page);
            }
        }
    }
}
