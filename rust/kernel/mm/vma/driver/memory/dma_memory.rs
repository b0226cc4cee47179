// SPDX-License-Identifier: GPL-2.0

//! Coherent DMA memory, mapped into user space for no longer than its device is bound.
//!
//! Only the DMA API knows the page frames of coherent memory, and the protection that their
//! mappings need. So C maps all of a VMA at once (`dma_mmap_attrs()`), and neither a fault nor the
//! driver ever maps anything. Depending on the device the VMA then is `VM_PFNMAP` or `VM_MIXEDMAP`.
//!
//! Both mapping and freeing it need a device that is bound: its DMA operations, its IOMMU domain
//! and its `dma_range_map` go with the driver. Therefore the memory does not stay for as long as it
//! is mapped. When the device is unbound, its mappings end first, in this order:
//!
//! 1. Each VMA has a file of the memory's own inode, by which all mappings are found (see
//!    [`Mappings`]).
//! 2. The memory is mapped in `mapped()`, when the VMA is in the reverse mapping already, in an
//!    SRCU read-side critical section. The `.mmap` hook would be too early: a device that is
//!    unbound between the hook and the end of `mmap()` would miss the VMA.
//! 3. The device has a [`Revocation`], which it releases before the memory: devres releases in
//!    reverse order. It marks the memory as gone, waits for the sections that have not seen that,
//!    and unmaps. Each later access is a SIGBUS.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h)

use super::mappings::Mappings;
use crate::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    devres::Devres,
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
        atomic::{
            Atomic,
            Relaxed, //
        },
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
/// `coherent` consists of `count` whole pages. It is released after `revocation`. All VMAs that map
/// it have a file of the inode in `mappings`.
#[doc(alias = "dma_mmap_coherent")]
#[doc(alias = "dma_mmap_attrs")]
pub struct DmaMemory<T: KnownSize + ?Sized + Send + 'static> {
    // In the order in which they are dropped.
    _revocation: Devres<Revocation>,
    coherent: Devres<Coherent<T>>,
    mappings: Arc<Mapped>,
    count: usize,
}

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
        let size = coherent.size();

        if coherent.device().as_raw() != device.as_raw() || size & (PAGE_SIZE - 1) != 0 {
            return Err(EINVAL);
        }
        let mappings = Arc::pin_init(Mapped::new(), GFP_KERNEL)?;

        // INVARIANT: The size was checked. The memory is registered first, so it is released last.
        // There are no VMAs.
        let coherent = Devres::new(device, Ok::<_, Error>(coherent))?;
        let revocation = Devres::new(device, Ok::<_, Error>(Revocation(mappings.clone())))?;

        Ok(Arc::new(
            Self {
                _revocation: revocation,
                coherent,
                mappings,
                count: size >> PAGE_SHIFT,
            },
            GFP_KERNEL,
        )?)
    }
}

impl<T: KnownSize + ?Sized + Send + 'static> DmaMemory<T> {
    /// Returns the number of pages.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the memory, unless the device is unbound. It is there until the guard is dropped.
    ///
    /// The guard is an RCU read-side critical section: the caller must not sleep.
    #[inline]
    pub fn try_access(&self) -> Option<RevocableGuard<'_, Coherent<T>>> {
        self.coherent.try_access()
    }
}

/// The mappings of the memory, until they end.
///
/// # Invariants
///
/// The memory is mapped only into VMAs that have a file of the inode of `all` and are linked in the
/// reverse mapping of that, and only within a section of `all` in which `is_gone` is not set.
#[pin_data]
struct Mapped {
    is_gone: Atomic<bool>,
    #[pin]
    all: Mappings,
}

impl Mapped {
    fn new() -> impl PinInit<Self, Error> {
        // INVARIANT: Nothing is mapped.
        try_pin_init!(Self {
            is_gone: Atomic::new(false),
            all <- Mappings::new(),
        })
    }
}

/// Ends all mappings when it is dropped.
struct Revocation(Arc<Mapped>);

impl Drop for Revocation {
    fn drop(&mut self) {
        self.0.is_gone.store(true, Relaxed);
        self.0.all.take_away();
    }
}

mod sealed {
    pub trait Sealed {}
}

/// Private data whose VMAs map coherent DMA memory: [`Arc<DmaMemory<T>>`](Arc). This trait is
/// sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no coherent DMA memory",
    label = "the memory must end with the device",
    note = "say `type Data = Arc<DmaMemory<..>>` in the operations"
)]
pub trait DmaBacked: super::super::PrivateData + sealed::Sealed {
    /// The number of pages.
    #[doc(hidden)]
    fn page_count(&self) -> usize;

    /// Opens a file by which all mappings of the memory are found, and which keeps the module `M`.
    #[doc(hidden)]
    fn open_file<M: ModuleMetadata>(&self) -> Result<ARef<File>>;

    /// Maps the memory, from the page offset of the VMA on.
    ///
    /// # Safety
    ///
    /// The mmap lock and the VMA lock must be held for writing. The VMA must have a file of
    /// `open_file()`, be linked in its reverse mapping, be no copy-on-write mapping, and have no
    /// entries.
    #[doc(hidden)]
    unsafe fn map(&self, vma: *mut bindings::vm_area_struct) -> Result;
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
        self.count
    }

    fn open_file<M: ModuleMetadata>(&self) -> Result<ARef<File>> {
        if self.mappings.is_gone.load(Relaxed) {
            return Err(ENODEV);
        }
        self.mappings.all.open::<M>()
    }

    unsafe fn map(&self, vma: *mut bindings::vm_area_struct) -> Result {
        let _section = self.mappings.all.enter();
        if self.mappings.is_gone.load(Relaxed) {
            return Err(ENODEV);
        }

        // SAFETY: The device does not release what it has for the driver before the revocation is
        // released, which waits for the end of this section. By the type invariants that is before
        // the memory.
        let device = unsafe { self.coherent.device().as_bound() };
        let coherent = self.coherent.access(device)?;

        // SAFETY: Guaranteed by the caller: both locks are held, and the VMA is new, and no
        // copy-on-write mapping. The device is bound. By the invariants of `Mapped` the mappings
        // end before the memory is freed; it is whole pages, all of whose bytes are initialised
        // (`T: AsBytes`) and may have any value (`T: FromBytes`).
        unsafe { coherent.mmap(vma) }
    }
}
