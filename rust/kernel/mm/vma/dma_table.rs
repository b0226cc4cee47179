// SPDX-License-Identifier: GPL-2.0

//! Scatter-gather tables of pages, mapped for a device (C: `dma_map_sgtable()`).
//!
//! The owner of the pages keeps them until the table is unmapped: when the mapping is dropped, or
//! by devres before the device is unbound, whichever comes first. The table is freed then, too.
//!
//! As in C, a driver stops its device before it unmaps: no type sees the transfers of a device.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h)

use crate::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    devres::Devres,
    dma::DataDirection,
    error::to_result,
    page::PAGE_SIZE,
    prelude::*,
    revocable::RevocableGuard,
    scatterlist::SGTable,
    sync::aref::ARef,
    types::Opaque, //
};
use core::ops::Deref;

/// A scatter-gather table of pages (C: `sg_alloc_table_from_pages_segment()`).
///
/// # Invariants
///
/// It was allocated, and is freed by this.
struct Table(Opaque<bindings::sg_table>);

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { bindings::sg_free_table(self.0.get()) };
    }
}

/// A table that is mapped for a device.
///
/// # Invariants
///
/// The table is mapped for `device`, in this direction, and is unmapped by this.
pub(super) struct TableMapping {
    table: Table,
    device: ARef<Device>,
    direction: DataDirection,
}

// SAFETY: A mapping belongs to a device, not to a task.
unsafe impl Send for TableMapping {}
// SAFETY: A shared reference permits to read the table, which does not change, and to hand over the
// memory, which any task may do at any time.
unsafe impl Sync for TableMapping {}

impl TableMapping {
    /// Maps `len` bytes of pages for a device, from `offset` in the first page on.
    ///
    /// # Safety
    ///
    /// The pages must be neither freed nor moved until the mapping is dropped. The device may write
    /// to them if the direction is not `ToDevice`. `offset` must be less than a page, and
    /// `offset + len` bytes be in as many pages as there are.
    unsafe fn new(
        device: &Device<Bound>,
        pages: &[*mut bindings::page],
        offset: usize,
        len: usize,
        direction: DataDirection,
    ) -> Result<Self> {
        let dev = device.as_raw();

        // SAFETY: The device is bound. Its bus has set this before.
        if unsafe { (*dev).dma_mask.is_null() } {
            return Err(EINVAL);
        }
        // SAFETY: The device is bound.
        let (segment, mapping) = unsafe {
            (
                bindings::dma_get_max_seg_size(dev) as usize,
                bindings::dma_max_mapping_size(dev),
            )
        };
        let max_segment = segment.min(mapping);
        if max_segment < PAGE_SIZE {
            return Err(EINVAL);
        }

        let table = Opaque::zeroed();
        // SAFETY: There is at least one page, all are valid, and the range is in them. The array is
        // not written. The segments have a size of at least a page.
        to_result(unsafe {
            bindings::sg_alloc_table_from_pages_segment(
                table.get(),
                pages.as_ptr().cast_mut(),
                u32::try_from(pages.len())?,
                u32::try_from(offset)?,
                len,
                u32::try_from(max_segment)?,
                bindings::GFP_KERNEL_ACCOUNT,
            )
        })?;
        // INVARIANT: It was allocated.
        let table = Table(table);

        // SAFETY: The device is bound and can do DMA. The table is valid.
        to_result(unsafe { bindings::dma_map_sgtable(dev, table.0.get(), direction.into(), 0) })?;
        // INVARIANT: It was mapped.
        Ok(Self {
            table,
            device: device.into(),
            direction,
        })
    }

    /// Like [`Self::new()`], and unmaps before the device is unbound.
    ///
    /// # Safety
    ///
    /// As for [`Self::new()`].
    // Not inlined: devres calls a function of the kernel then, not one of a module.
    #[inline(never)]
    pub(super) unsafe fn with_device(
        device: &Device<Bound>,
        pages: &[*mut bindings::page],
        offset: usize,
        len: usize,
        direction: DataDirection,
    ) -> Result<Devres<Self>> {
        // SAFETY: Guaranteed by the caller, by whom the obligations of `new()` are met.
        let mapping = unsafe { Self::new(device, pages, offset, len, direction) };
        Devres::new(device, mapping)
    }

    pub(super) fn sync_for_cpu(&self) {
        // SAFETY: By the type invariants.
        unsafe {
            bindings::dma_sync_sgtable_for_cpu(
                self.device.as_raw(),
                self.table.0.get(),
                self.direction.into(),
            )
        };
    }

    pub(super) fn sync_for_device(&self) {
        // SAFETY: By the type invariants.
        unsafe {
            bindings::dma_sync_sgtable_for_device(
                self.device.as_raw(),
                self.table.0.get(),
                self.direction.into(),
            )
        };
    }
}

impl Drop for TableMapping {
    fn drop(&mut self) {
        // SAFETY: By the type invariants. The device is bound: devres drops this before it is not.
        unsafe {
            bindings::dma_unmap_sgtable(
                self.device.as_raw(),
                self.table.0.get(),
                self.direction.into(),
                0,
            )
        };
    }
}

/// The scatter-gather table of memory that is mapped for a device, which is bound.
///
/// Made by [`DmaPages::table()`](super::pin::DmaPages::table) and
/// [`DeviceBuffer::table()`](super::driver::DeviceBuffer::table). It is an RCU read-side critical
/// section.
pub struct DmaTable<'a>(RevocableGuard<'a, TableMapping>);

impl<'a> DmaTable<'a> {
    /// Returns the table, or `None` if devres has unmapped it.
    // Not by a `Device<Bound>`: a device that was unbound may be bound again.
    #[inline]
    pub(super) fn of(mapping: &'a Devres<TableMapping>) -> Option<Self> {
        Some(Self(mapping.try_access()?))
    }
}

impl Deref for DmaTable<'_> {
    type Target = SGTable;

    #[inline]
    fn deref(&self) -> &SGTable {
        // SAFETY: By the type invariants of `TableMapping`, of which the guard has one, the table
        // is valid. It does not change while it is mapped.
        unsafe { SGTable::from_raw(self.0.table.0.get()) }
    }
}
