// SPDX-License-Identifier: GPL-2.0

//! Pinned memory that a device accesses.
//!
//! The pages get a scatter-gather table, which is mapped for a device (C: `dma_map_sgtable()`). The
//! access of the pins bounds the direction of the transfer: a device writes only to pages that were
//! pinned as [`Writable`].
//!
//! The mapping ends in this order:
//!
//! 1. The table is unmapped: when [`DmaPages`] is dropped, or by devres before the device is
//!    unbound, whichever comes first.
//! 2. The table is freed.
//! 3. [`PinnedPages`] marks the pages as dirty, if they are [`Writable`], and unpins them. After an
//!    unbind they stay pinned until their owner is dropped.
//!
//! As in C, a driver stops its device before it unmaps: no type sees the transfers of a device.
//!
//! While the memory is mapped it belongs to the device. On a machine that bounces the data, or
//! whose devices do not see the caches of the CPU, the CPU reads old values then, and the device
//! does not see what the CPU writes. Only values are at stake: the accesses are copies of bytes
//! that are volatile, and any byte is a valid one. [`DmaPages::for_cpu()`] hands the memory over.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h)

use super::{
    sealed,
    PinAccess,
    PinWriteAccess,
    PinnedPages,
    Writable, //
};
use crate::{
    device::{
        Bound,
        Device, //
    },
    devres::Devres,
    dma::DataDirection,
    mm::vma::dma_table::TableMapping,
    prelude::*, //
};
use core::ops::Deref;

pub use crate::mm::vma::dma_table::DmaTable;

/// A direction in which a device transfers data of memory that was pinned as `A`. This trait is
/// sealed.
#[diagnostic::on_unimplemented(
    message = "pages that were pinned as `{A}` cannot be mapped as `{Self}`",
    label = "the device would write to pages that were not pinned for that",
    note = "map them as `ToDevice`, or pin them with `PinnedPages<Writable>`"
)]
pub trait DmaDirection<A: PinAccess>: sealed::Sealed {
    #[doc(hidden)]
    const DIRECTION: DataDirection;
}

/// The device reads the memory (C: `DMA_TO_DEVICE`).
pub enum ToDevice {}

/// The device writes the memory (C: `DMA_FROM_DEVICE`).
pub enum FromDevice {}

/// The device reads and writes the memory (C: `DMA_BIDIRECTIONAL`).
pub enum Bidirectional {}

impl sealed::Sealed for ToDevice {}
impl sealed::Sealed for FromDevice {}
impl sealed::Sealed for Bidirectional {}

impl<A: PinAccess> DmaDirection<A> for ToDevice {
    const DIRECTION: DataDirection = DataDirection::ToDevice;
}

impl DmaDirection<Writable> for FromDevice {
    const DIRECTION: DataDirection = DataDirection::FromDevice;
}

impl DmaDirection<Writable> for Bidirectional {
    const DIRECTION: DataDirection = DataDirection::Bidirectional;
}

/// Pages of user memory that are pinned, and mapped for a device.
///
/// Made by [`PinnedPages::map_for_device()`]. Dropping it unmaps and unpins them. It sleeps if the
/// pages are [`Writable`], or while devres unmaps them. If it is leaked ([`core::mem::forget`]) the
/// pages stay pinned, and mapped until the device is unbound.
///
/// # Invariants
///
/// The mapping, if the device has not been unbound since, is of these pages.
pub struct DmaPages<A: PinAccess> {
    // Fields are dropped in this order.
    mapping: Devres<TableMapping>,
    pages: PinnedPages<A>,
}

impl<A: PinAccess> PinnedPages<A> {
    /// Maps the memory for a device, until it is dropped or the device is unbound
    /// (C: `dma_map_sgtable()`).
    ///
    /// Adjacent pages become one segment, within the limits of the device. The first segment begins
    /// at the offset of the memory in its page, and the last one ends with the memory.
    ///
    /// May sleep.
    ///
    /// # Errors
    ///
    /// The pages are unpinned on an error, which is `EINVAL` if the device does no DMA or transfers
    /// segments of less than a page only, `ENOMEM`, `EIO`, or `EREMOTEIO`.
    ///
    /// # Examples
    ///
    /// ```
    /// use core::ops::Range;
    /// use kernel::{
    ///     device::{Bound, Device},
    ///     mm::{
    ///         vma::pin::{DmaPages, PinFor, PinnedPages, ReadOnly, ToDevice},
    ///         MmWithUser, //
    ///     },
    ///     prelude::*, //
    /// };
    ///
    /// /// Lets the device read memory of the current task; `submit` gets each address and length.
    /// fn send(
    ///     mm: &MmWithUser,
    ///     memory: Range<usize>,
    ///     device: &Device<Bound>,
    ///     mut submit: impl FnMut(u64, u64),
    /// ) -> Result<DmaPages<ReadOnly>> {
    ///     let mut locks = mm.vma_locks();
    ///     let pages: PinnedPages<ReadOnly> = locks.pin_user_pages_fast(memory, PinFor::LongTerm)?;
    ///
    ///     let pages = pages.map_for_device::<ToDevice>(device)?;
    ///     if let Some(table) = pages.table() {
    ///         for segment in table.iter() {
    ///             submit(segment.dma_address().into(), segment.dma_len().into());
    ///         }
    ///     }
    ///     Ok(pages)
    /// }
    /// # // SAFETY: Doctests run in a kthread of their own, as KUnit cases.
    /// # kernel::error::to_result(unsafe { kernel::bindings::kunit_attach_mm() })?;
    /// # let faux = kernel::faux::Registration::new(c"rust_vma_dma_example", None)?;
    /// # let device: &kernel::faux::Device<Bound> = faux.as_ref();
    /// # let current = current!();
    /// # let mm = current.mm().ok_or(EINVAL)?;
    /// # assert!(send(mm, 0x1000..0x2000, device.as_ref(), |_, _| {}).is_err());
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "dma_map_sgtable")]
    #[doc(alias = "sg_alloc_table_from_pages_segment")]
    pub fn map_for_device<D>(self, device: &Device<Bound>) -> Result<DmaPages<A>>
    where
        D: DmaDirection<A>,
    {
        let (offset, len) = (self.offset, self.len);
        // SAFETY: By the type invariants the pages are pinned, and the range is in them. They stay
        // so until `self` is dropped, which `DmaPages` does after the mapping. By `D` a device that
        // writes to them has `Writable` ones.
        let mapping =
            unsafe { TableMapping::with_device(device, &self.pages, offset, len, D::DIRECTION) }?;

        // INVARIANT: It is of these pages.
        Ok(DmaPages {
            mapping,
            pages: self,
        })
    }
}

impl<A: PinAccess> DmaPages<A> {
    /// Returns the table, for a driver that programs the device with it, or `None` if the device
    /// was unbound.
    ///
    /// The result is an RCU read-side critical section, in which the device is not unbound, and
    /// which must not sleep.
    #[inline]
    pub fn table(&self) -> Option<DmaTable<'_>> {
        DmaTable::of(&self.mapping)
    }

    /// Returns the pages.
    ///
    /// To read them while they belong to the device may return old values.
    #[inline]
    pub fn pages(&self) -> &PinnedPages<A> {
        &self.pages
    }

    /// Hands the memory to the CPU until the result is dropped
    /// (C: `dma_sync_sgtable_for_cpu()`, `dma_sync_sgtable_for_device()`).
    ///
    /// The driver must have stopped the device's transfers of this memory.
    #[doc(alias = "dma_sync_sgtable_for_cpu")]
    #[doc(alias = "dma_sync_sgtable_for_device")]
    pub fn for_cpu(&mut self) -> CpuPages<'_, A> {
        if let Some(mapping) = self.mapping.try_access() {
            mapping.sync_for_cpu();
        }
        CpuPages(self)
    }

    /// Unmaps the memory, which stays pinned (C: `dma_unmap_sgtable()`).
    ///
    /// May sleep, while devres unmaps it.
    #[doc(alias = "dma_unmap_sgtable")]
    pub fn unmap(self) -> PinnedPages<A> {
        let Self { mapping, pages } = self;
        drop(mapping);
        pages
    }
}

/// Pages that are mapped for a device, and belong to the CPU until this is dropped.
///
/// If it is leaked ([`core::mem::forget`]) the device may not see what the CPU has written.
pub struct CpuPages<'a, A: PinAccess>(&'a mut DmaPages<A>);

// There is no `DerefMut`: it would permit to swap the pages for others, which would be unpinned
// while they are mapped.
impl<A: PinAccess> Deref for CpuPages<'_, A> {
    type Target = PinnedPages<A>;

    #[inline]
    fn deref(&self) -> &PinnedPages<A> {
        &self.0.pages
    }
}

impl<A: PinWriteAccess> CpuPages<'_, A> {
    /// Copies to the memory; see [`PinnedPages::write()`].
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond the end.
    #[inline]
    pub fn write(&mut self, offset: usize, from: &[u8]) -> Result {
        self.0.pages.write(offset, from)
    }
}

impl<A: PinAccess> Drop for CpuPages<'_, A> {
    fn drop(&mut self) {
        if let Some(mapping) = self.0.mapping.try_access() {
            mapping.sync_for_device();
        }
    }
}
