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
struct Mapping {
    table: Table,
    device: ARef<Device>,
    direction: DataDirection,
}

// SAFETY: A mapping belongs to a device, not to a task.
unsafe impl Send for Mapping {}
// SAFETY: A shared reference permits to read the table, which does not change, and to hand over the
// memory, which any task may do at any time.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes of pages for a device, from `offset` in the first page on.
    ///
    /// # Safety
    ///
    /// The pages must stay pinned until the mapping is dropped, and must have been pinned to be
    /// written to if the direction is not `ToDevice`. `offset` must be less than a page, and
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
    unsafe fn with_device(
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

    fn sync_for_cpu(&self) {
        // SAFETY: By the type invariants.
        unsafe {
            bindings::dma_sync_sgtable_for_cpu(
                self.device.as_raw(),
                self.table.0.get(),
                self.direction.into(),
            )
        };
    }

    fn sync_for_device(&self) {
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

impl Drop for Mapping {
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
    mapping: Devres<Mapping>,
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
            unsafe { Mapping::with_device(device, &self.pages, offset, len, D::DIRECTION) }?;

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
        // Not by a `Device<Bound>`: a device that was unbound may be bound again.
        Some(DmaTable(self.mapping.try_access()?))
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

/// The scatter-gather table of a [`DmaPages`], whose device is bound.
pub struct DmaTable<'a>(RevocableGuard<'a, Mapping>);

impl Deref for DmaTable<'_> {
    type Target = SGTable;

    #[inline]
    fn deref(&self) -> &SGTable {
        // SAFETY: By the type invariants of `Mapping`, of which the guard has one, the table is
        // valid. It does not change while it is mapped.
        unsafe { SGTable::from_raw(self.0.table.0.get()) }
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
