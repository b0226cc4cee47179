// SPDX-License-Identifier: GPL-2.0

//! A buffer that the kernel, user space and a device use.
//!
//! The pages of a [`SharedBuffer`] get a scatter-gather table, which is mapped for the device. They
//! are counted, so mappings into user space may outlive the buffer and the binding of the device:
//! nothing has to be taken away from user space when either ends. For the device they end in this
//! order:
//!
//! 1. The table is unmapped: when the [`DeviceBuffer`] is dropped, or by devres before the device
//!    is unbound, whichever comes first.
//! 2. The references of the buffer to its pages are dropped.
//!
//! As in C, a driver stops its device before it unmaps: no type sees the transfers of a device.
//!
//! On a machine that bounces the data, or whose devices do not see the caches of the CPU, the CPU
//! and the device see what the other one has written only after the memory was handed over. Only
//! values are at stake, which any byte is. User space does not take part in that: as in C it has to
//! learn from the driver when it may access the memory.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h)

use super::SharedBuffer;
use crate::{
    device::{
        Bound,
        Device, //
    },
    devres::Devres,
    dma::DataDirection,
    mm::vma::{
        dma_table::TableMapping,
        pin::{
            DmaDirection,
            DmaTable,
            Writable, //
        }, //
    },
    prelude::*, //
};
use core::ops::Deref;

/// A [`SharedBuffer`] that is mapped for a device.
///
/// Made by [`SharedBuffer::map_for_device()`]. It is mapped into user space as any other buffer.
///
/// Dropping it unmaps the buffer from the device, then drops the buffer. May sleep when it is
/// dropped. If it is leaked ([`core::mem::forget`]), the buffer stays, and is mapped until the
/// device is unbound.
///
/// # Invariants
///
/// The mapping, if the device has not been unbound since, is of the pages of this buffer.
pub struct DeviceBuffer {
    // Fields are dropped in this order.
    mapping: Devres<TableMapping>,
    buffer: SharedBuffer,
}

impl SharedBuffer {
    /// Maps the buffer for a device, until it is dropped or the device is unbound
    /// (C: `dma_map_sgtable()`).
    ///
    /// Adjacent pages become one segment, within the limits of the device. As the pages are the
    /// driver's own, any direction will do.
    ///
    /// May sleep.
    ///
    /// # Errors
    ///
    /// The buffer is dropped on an error, which is `EINVAL` if the device does no DMA or transfers
    /// segments of less than a page only, or if it would be too many pages for a table, `ENOMEM`,
    /// `EIO`, or `EREMOTEIO`.
    ///
    /// # Examples
    ///
    /// Memory that a device fills, and user space reads:
    ///
    /// ```
    /// use kernel::{
    ///     device::{Bound, Device},
    ///     dma::DmaAddress,
    ///     io::ResourceSize,
    ///     mm::vma::{
    ///         driver::{
    ///             DeviceBuffer, Mapped, MixedMap, SharedBuffer, ViaMmap, VmaOperations, //
    ///             VmaSetup, //
    ///         },
    ///         pin::FromDevice, //
    ///     },
    ///     prelude::*,
    ///     sync::Arc, //
    /// };
    ///
    /// struct Ops;
    /// kernel::vm_operations!(Ops);
    ///
    /// #[vtable]
    /// impl VmaOperations for Ops {
    ///     type Data = Arc<DeviceBuffer>;
    ///     type PageKind = MixedMap;
    ///     type Hook = ViaMmap;
    /// }
    ///
    /// fn mmap<'a>(buffer: &Arc<DeviceBuffer>, setup: VmaSetup<'a>) -> Result<Mapped<'a>> {
    ///     let mut setup = setup.mixedmap();
    ///     let first = setup.pgoff();
    ///
    ///     setup.map_buffer(buffer, first)?;
    ///     Ok(setup.with_ops::<Ops>(buffer.clone()))
    /// }
    ///
    /// /// Programs the device; `submit` gets each address and length.
    /// fn start(
    ///     device: &Device<Bound>,
    ///     pages: usize,
    ///     mut submit: impl FnMut(DmaAddress, ResourceSize),
    /// ) -> Result<Arc<DeviceBuffer>> {
    ///     let buffer = SharedBuffer::new_dma32(pages)?.map_for_device::<FromDevice>(device)?;
    ///     if let Some(table) = buffer.table() {
    ///         for segment in table.iter() {
    ///             submit(segment.dma_address(), segment.dma_len());
    ///         }
    ///     }
    ///     Ok(Arc::new(buffer, GFP_KERNEL)?)
    /// }
    ///
    /// /// Called when the device has filled the buffer, before user space is told.
    /// fn filled(buffer: &DeviceBuffer) {
    ///     buffer.sync_for_cpu();
    /// }
    /// # let _ = (mmap, filled);
    /// # let faux = kernel::faux::Registration::new(c"rust_vma_device_buffer_example", None)?;
    /// # let device: &kernel::faux::Device<Bound> = faux.as_ref();
    /// # assert_eq!(start(device.as_ref(), 4, |_, _| {}).err(), Some(EINVAL));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "dma_map_sgtable")]
    #[doc(alias = "dma_map_page")]
    pub fn map_for_device<D>(self, device: &Device<Bound>) -> Result<DeviceBuffer>
    where
        D: DmaDirection<Writable>,
    {
        self.map_as(device, D::DIRECTION)
    }

    fn map_as(self, device: &Device<Bound>, direction: DataDirection) -> Result<DeviceBuffer> {
        let map = |direction| {
            // SAFETY: By the type invariants there is at least one page, and the pages stay until
            // `self` is dropped, which `DeviceBuffer` does after the mapping. The range is all of
            // them. The device may write to them: the kernel accesses them by volatile and atomic
            // accesses only.
            unsafe { TableMapping::with_device(device, self.raw_pages(), 0, self.len(), direction) }
        };

        // The zeroes of the buffer may be in the caches only. `FromDevice` may drop these, and user
        // space would see what the memory had before. So they are written back first.
        if direction == DataDirection::FromDevice {
            drop(map(DataDirection::ToDevice)?);
        }
        let mapping = map(direction)?;

        // INVARIANT: It is of the pages of this buffer.
        Ok(DeviceBuffer {
            mapping,
            buffer: self,
        })
    }
}

impl DeviceBuffer {
    /// Returns the table, for a driver that programs the device with it, or `None` if the device
    /// was unbound.
    ///
    /// The result is an RCU read-side critical section, in which the device is not unbound, and
    /// which must not sleep.
    #[inline]
    pub fn table(&self) -> Option<DmaTable<'_>> {
        DmaTable::of(&self.mapping)
    }

    /// Hands the memory to the CPU, which then sees what the device has written
    /// (C: `dma_sync_sgtable_for_cpu()`).
    ///
    /// The driver must have stopped the device's transfers of this memory. Does nothing if the
    /// device was unbound.
    #[doc(alias = "dma_sync_sgtable_for_cpu")]
    pub fn sync_for_cpu(&self) {
        if let Some(mapping) = self.mapping.try_access() {
            mapping.sync_for_cpu();
        }
    }

    /// Hands the memory to the device, which then sees what the CPU has written
    /// (C: `dma_sync_sgtable_for_device()`).
    ///
    /// Accesses of the CPU may be lost, or show old values, until it has the memory again. Does
    /// nothing if the device was unbound.
    #[doc(alias = "dma_sync_sgtable_for_device")]
    pub fn sync_for_device(&self) {
        if let Some(mapping) = self.mapping.try_access() {
            mapping.sync_for_device();
        }
    }

    /// Unmaps the buffer from the device (C: `dma_unmap_sgtable()`).
    ///
    /// May sleep, while devres unmaps it.
    #[doc(alias = "dma_unmap_sgtable")]
    pub fn unmap(self) -> SharedBuffer {
        let Self { mapping, buffer } = self;
        drop(mapping);
        buffer
    }
}

// There is no `DerefMut`: it would permit to swap the buffer for another one, which would be freed
// while it is mapped.
impl Deref for DeviceBuffer {
    type Target = SharedBuffer;

    #[inline]
    fn deref(&self) -> &SharedBuffer {
        &self.buffer
    }
}
