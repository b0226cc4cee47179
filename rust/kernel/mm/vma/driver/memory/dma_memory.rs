// SPDX-License-Identifier: GPL-2.0

//! Coherent DMA memory, mapped into user space for no longer than its device is bound.
//!
//! Only the DMA API knows the page frames of coherent memory, and the protection that their
//! mappings need. So C maps all of a VMA at once (`dma_mmap_attrs()`), and neither a fault nor the
//! driver ever maps anything. Depending on the device the VMA then is `VM_PFNMAP` or `VM_MIXEDMAP`.
//!
//! The mappings end with the device, see `dma_mappings`.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h)

use super::dma_mappings::{
    sealed,
    DmaBacked,
    UntilUnbind, //
};
use crate::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    dma::Coherent,
    fs::File,
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    ptr::KnownSize,
    revocable::RevocableGuard,
    sync::{
        aref::ARef,
        Arc, //
    },
    transmute::{
        AsBytes,
        FromBytes, //
    },
    ModuleMetadata, //
};

/// Coherent DMA memory that user space can map (C: `dma_mmap_coherent()`).
///
/// An [`Arc`] of it is the private data of VMAs of the kind [`DmaMap`](super::super::DmaMap). It
/// owns a [`Coherent<T>`]. User space sees all of its bytes, and may write any of them at any time.
/// So the driver accesses it by volatile accesses only, such as [`io_read!`](crate::io::io_read).
/// The conditions of [`Coherent::as_ref()`] and [`Coherent::as_mut()`] cannot be met, and what the
/// device reads may come from user space.
///
/// Until the device is unbound, the memory stays for as long as the driver or a VMA has a share.
/// When it is unbound, its mappings end, and it is freed, while the shares stay. The driver must
/// have stopped the device by then, as for every [`Coherent`].
///
/// May sleep when it is dropped.
///
/// # Invariants
///
/// The memory consists of whole pages.
#[doc(alias = "dma_mmap_coherent")]
#[doc(alias = "dma_mmap_attrs")]
pub struct DmaMemory<T: KnownSize + ?Sized + Send + 'static>(UntilUnbind<Coherent<T>>);

impl<T: KnownSize + ?Sized + AsBytes + FromBytes + Send + Sync + 'static> DmaMemory<T> {
    /// Makes memory that can be mapped of coherent memory of a device: of a
    /// [`CoherentBox`](crate::dma::CoherentBox) or a [`Coherent`], with the attributes with which
    /// that was allocated.
    ///
    /// A [`CoherentHandle`](crate::dma::CoherentHandle) cannot be mapped: without a kernel mapping
    /// the memory is not zeroed when it is allocated (`dma_direct_alloc_no_mapping()`).
    ///
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it belongs to another device, or does not consist of whole pages: the rest of a
    /// page may have old contents. `ENOMEM`, `ENFILE`. It is freed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{
    ///     device::{Bound, Device},
    ///     dma::CoherentBox,
    ///     mm::vma::driver::{
    ///         DmaMap, DmaMemory, Prepared, ViaMmapPrepare, VmaDesc, VmaOperations, //
    ///     },
    ///     page::PAGE_SIZE,
    ///     prelude::*,
    ///     sync::Arc, //
    /// };
    ///
    /// type Memory = Arc<DmaMemory<[u8]>>;
    ///
    /// fn memory(device: &Device<Bound>) -> Result<Memory> {
    ///     let coherent = CoherentBox::<[u8]>::zeroed_slice(device, 4 * PAGE_SIZE, GFP_KERNEL)?;
    ///     DmaMemory::new(device, coherent)
    /// }
    ///
    /// struct Ops;
    /// kernel::vm_operations!(Ops);
    ///
    /// #[vtable]
    /// impl VmaOperations for Ops {
    ///     type Data = Memory;
    ///     type PageKind = DmaMap;
    ///     type Hook = ViaMmapPrepare;
    /// }
    ///
    /// fn mmap_prepare<'a>(memory: &'a Memory, desc: VmaDesc<'a>) -> Result<Prepared<'a>> {
    ///     let first = desc.pgoff();
    ///     desc.map_dma::<Ops>(memory, first)
    /// }
    /// # let _ = (memory, mmap_prepare);
    /// ```
    pub fn new(device: &Device<Bound>, coherent: impl Into<Coherent<T>>) -> Result<Arc<Self>> {
        let coherent = coherent.into();
        let count = pages_of(device, &coherent)?;

        // INVARIANT: The size was checked.
        let memory = UntilUnbind::new(device, Ok(coherent), count)?;
        Ok(Arc::new(Self(memory), GFP_KERNEL)?)
    }
}

/// Returns the number of pages of a buffer, or `EINVAL` if it belongs to another device, or does
/// not consist of whole pages.
pub(super) fn pages_of<T: KnownSize + ?Sized>(
    device: &Device<Bound>,
    buffer: &Coherent<T>,
) -> Result<usize> {
    let size = buffer.size();
    let is_mappable = buffer.device().as_raw() == device.as_raw() && size & (PAGE_SIZE - 1) == 0;
    is_mappable.then_some(size >> PAGE_SHIFT).ok_or(EINVAL)
}

impl<T: KnownSize + ?Sized + Send + 'static> DmaMemory<T> {
    /// Returns the number of pages.
    #[inline]
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// Returns the memory, which is there for as long as the device is bound.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it belongs to another device; `ENODEV` if that was unbound since.
    #[inline]
    pub fn access<'a>(&'a self, device: &'a Device<Bound>) -> Result<&'a Coherent<T>> {
        self.0.access(device)
    }

    /// Returns the memory, unless the device is unbound. It is there until the guard is dropped.
    ///
    /// The guard is an RCU read-side critical section: the caller must not sleep.
    #[inline]
    pub fn try_access(&self) -> Option<RevocableGuard<'_, Coherent<T>>> {
        self.0.try_access()
    }
}

impl<T> sealed::Sealed for Arc<DmaMemory<T>> where
    T: KnownSize + ?Sized + AsBytes + FromBytes + Send + Sync + 'static
{
}

impl<T> DmaBacked for Arc<DmaMemory<T>>
where
    T: KnownSize + ?Sized + AsBytes + FromBytes + Send + Sync + 'static,
{
    fn page_count(&self) -> usize {
        self.count()
    }

    fn open_file<M: ModuleMetadata>(&self) -> Result<ARef<File>> {
        self.0.open_file::<M>()
    }

    unsafe fn map(&self, vma: *mut bindings::vm_area_struct) -> Result {
        self.0.map_by(|coherent| {
            // SAFETY: Guaranteed by the caller: both locks are held, and the VMA is new, and no
            // copy-on-write mapping. The device is bound, and the mappings end before the memory is
            // freed; it is whole pages, all of whose bytes are initialised (`T: AsBytes`) and may
            // have any value (`T: FromBytes`).
            unsafe { coherent.mmap(vma) }
        })
    }
}
