// SPDX-License-Identifier: GPL-2.0

//! Non-coherent DMA memory, mapped into user space for no longer than its device is bound.
//!
//! The device has one address for all of it: the memory is contiguous, or an IOMMU makes it so. For
//! the CPU it is normal memory. On a machine whose devices do not see the caches of the CPU, the
//! CPU and the device see what the other one has written only after the memory was handed over.
//! Only values are at stake, which any byte is. User space does not take part in that: as in C it
//! has to learn from the driver when it may access the memory.
//!
//! As for coherent memory, the DMA API maps all of a VMA at once (`dma_mmap_noncontiguous()`). The
//! mappings end with the device, see `dma_mappings`.
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
    dma::{
        DataDirection,
        DmaAddress, //
    },
    error::to_result,
    fs::File,
    mm::vma::{
        pin::{
            DmaDirection,
            Writable, //
        },
        shared_memory::{
            checked,
            checked_word,
            copy_from_shared,
            copy_to_shared,
            SharedWord, //
        }, //
    },
    page::PAGE_SIZE,
    prelude::*,
    revocable::RevocableGuard,
    sync::{
        aref::ARef,
        atomic::ordering::{
            AcquireOrRelaxed,
            ReleaseOrRelaxed, //
        },
        Arc, //
    },
    ModuleMetadata, //
};
use core::ptr::NonNull;

/// Pages of `dma_alloc_noncontiguous()`.
///
/// # Invariants
///
/// The table is one of `len` bytes, whole pages, that was allocated for `device` as
/// `Bidirectional`, and is freed by this. All bytes are initialised.
struct Pages {
    device: ARef<Device>,
    table: NonNull<bindings::sg_table>,
    len: usize,
}

impl Pages {
    /// Allocates `count` pages, zeroed.
    fn new(device: &Device<Bound>, count: usize) -> Result<Self> {
        // The table has the size as a `u32`.
        let len = match count.checked_mul(PAGE_SIZE) {
            Some(len) if len != 0 && u32::try_from(len).is_ok() => len,
            _ => return Err(EINVAL),
        };
        let dev = device.as_raw();
        // SAFETY: The device is bound. Its bus has set these before.
        if unsafe { (*dev).dma_mask.is_null() || (*dev).coherent_dma_mask == 0 } {
            return Err(EINVAL);
        }

        // SAFETY: The device is bound, and can do DMA.
        let table = unsafe {
            bindings::vma_dma_alloc_noncontiguous(
                dev,
                len,
                DataDirection::Bidirectional.into(),
                (GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN).as_raw(),
            )
        };
        // INVARIANT: It was allocated, zeroed.
        Ok(Self {
            device: device.into(),
            table: NonNull::new(table).ok_or(ENOMEM)?,
            len,
        })
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: By the type invariants. The device is bound: devres drops this before it is not.
        unsafe {
            bindings::vma_dma_free_noncontiguous(
                self.device.as_raw(),
                self.len,
                self.table.as_ptr(),
                DataDirection::Bidirectional.into(),
            )
        };
    }
}

/// Pages that the kernel has mapped.
///
/// # Invariants
///
/// The kernel has `pages` mapped at `memory`, and accesses them by volatile and atomic accesses
/// only. The mapping is ended by this.
struct Allocation {
    memory: NonNull<u8>,
    direction: DataDirection,
    // Dropped after the mapping has ended.
    pages: Pages,
}

// SAFETY: The memory belongs to a device, not to a task.
unsafe impl Send for Allocation {}
// SAFETY: All that a reference permits is to map the memory, to access it by volatile and atomic
// accesses, and to hand it over, which any task may do at any time.
unsafe impl Sync for Allocation {}

impl Allocation {
    fn new(device: &Device<Bound>, count: usize, direction: DataDirection) -> Result<Self> {
        let pages = Pages::new(device, count)?;
        // SAFETY: The device is bound, and has allocated the table, with this size.
        let memory = unsafe {
            bindings::vma_dma_vmap_noncontiguous(device.as_raw(), pages.len, pages.table.as_ptr())
        };

        // INVARIANT: It was mapped.
        let this = Self {
            memory: NonNull::new(memory.cast()).ok_or(ENOMEM)?,
            direction,
            pages,
        };
        // The zeroes may be in the caches only. Handing over memory that the device writes may drop
        // these, and user space would see what the memory had before. So they are written back.
        this.sync_for_device(DataDirection::Bidirectional);
        Ok(this)
    }

    /// Returns the address of `len` bytes; `EINVAL` if they are out of bounds.
    fn at(&self, offset: usize, len: usize) -> Result<*mut u8> {
        let offset = checked(offset, len, self.pages.len)?;
        // SAFETY: By the type invariants the memory has that many bytes.
        Ok(unsafe { self.memory.as_ptr().add(offset) })
    }

    fn sync_for_cpu(&self) {
        // SAFETY: By the type invariants. The device is bound: devres drops this before it is not.
        unsafe {
            bindings::dma_sync_sgtable_for_cpu(
                self.pages.device.as_raw(),
                self.pages.table.as_ptr(),
                self.direction.into(),
            )
        };
    }

    fn sync_for_device(&self, direction: DataDirection) {
        // SAFETY: As in `sync_for_cpu()`.
        unsafe {
            bindings::dma_sync_sgtable_for_device(
                self.pages.device.as_raw(),
                self.pages.table.as_ptr(),
                direction.into(),
            )
        };
    }

    /// Maps all of a VMA, from its page offset on.
    ///
    /// # Safety
    ///
    /// - The mmap lock and the VMA lock must be held for writing. The VMA must be no copy-on-write
    ///   mapping, and have no entries.
    /// - The mappings must end before `self` is dropped.
    unsafe fn mmap(&self, vma: *mut bindings::vm_area_struct) -> Result {
        // SAFETY: By the type invariants the table is one of the device, with this size. Guaranteed
        // by the caller: the VMA may be mapped.
        to_result(unsafe {
            bindings::vma_dma_mmap_noncontiguous(
                self.pages.device.as_raw(),
                vma,
                self.pages.len,
                self.pages.table.as_ptr(),
            )
        })
    }
}

impl Drop for Allocation {
    fn drop(&mut self) {
        // SAFETY: By the type invariants. The device is bound: devres drops this before it is not.
        unsafe {
            bindings::vma_dma_vunmap_noncontiguous(
                self.pages.device.as_raw(),
                self.memory.as_ptr().cast(),
            )
        };
    }
}

/// Non-coherent DMA memory that user space can map (C: `dma_mmap_noncontiguous()`,
/// `dma_mmap_pages()`).
///
/// An [`Arc`] of it is the private data of VMAs of the kind [`DmaMap`](super::super::DmaMap). User
/// space sees all of it, and may write any of it at any time.
///
/// Until the device is unbound, the memory stays for as long as the driver or a VMA has a share.
/// When it is unbound, its mappings end, and it is freed, while the shares stay. The driver must
/// have stopped the device by then.
///
/// May sleep when it is dropped.
#[doc(alias = "dma_mmap_noncontiguous")]
#[doc(alias = "dma_mmap_pages")]
pub struct NoncoherentMemory(UntilUnbind<Allocation>);

impl NoncoherentMemory {
    /// Allocates memory of `pages` pages for a device, zeroed (C: `dma_alloc_noncontiguous()`,
    /// `dma_alloc_pages()`).
    ///
    /// The device transfers data in the direction `D` alone. It has the memory when this returns,
    /// and the CPU has it for the first time after
    /// [`sync_for_cpu()`](NoncoherentGuard::sync_for_cpu).
    ///
    /// Sleeps.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the device does no DMA, or `pages` is zero or 4 GiB or more; `ENOMEM`, also if
    /// there is no memory that is contiguous for the device; `ENFILE`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{
    ///     device::{Bound, Device},
    ///     dma::DmaAddress,
    ///     mm::vma::{
    ///         driver::{
    ///             DmaMap, NoncoherentMemory, Prepared, ViaMmapPrepare, VmaDesc, VmaOperations, //
    ///         },
    ///         pin::FromDevice, //
    ///     },
    ///     prelude::*,
    ///     sync::Arc, //
    /// };
    ///
    /// type Memory = Arc<NoncoherentMemory>;
    ///
    /// /// Programs the device; `submit` gets its address of the memory.
    /// fn start(device: &Device<Bound>, submit: impl FnOnce(DmaAddress)) -> Result<Memory> {
    ///     let memory = NoncoherentMemory::new::<FromDevice>(device, 4)?;
    ///     if let Some(memory) = memory.try_access() {
    ///         submit(memory.dma_address());
    ///     }
    ///     Ok(memory)
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
    ///
    /// /// Called when the device has filled the memory, before user space is told.
    /// fn filled(memory: &NoncoherentMemory) {
    ///     if let Some(memory) = memory.try_access() {
    ///         memory.sync_for_cpu();
    ///     }
    /// }
    /// # let _ = (mmap_prepare, filled);
    /// # let faux = kernel::faux::Registration::new(c"rust_vma_noncoherent_example", None)?;
    /// # let device: &kernel::faux::Device<Bound> = faux.as_ref();
    /// # assert_eq!(start(device.as_ref(), |_| {}).err(), Some(EINVAL));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "dma_alloc_noncontiguous")]
    #[doc(alias = "dma_alloc_pages")]
    #[doc(alias = "dma_alloc_noncoherent")]
    pub fn new<D>(device: &Device<Bound>, pages: usize) -> Result<Arc<Self>>
    where
        D: DmaDirection<Writable>,
    {
        Self::alloc(device, pages, D::DIRECTION)
    }

    // Not inlined: devres calls functions of the kernel then, not those of a module.
    #[inline(never)]
    fn alloc(device: &Device<Bound>, count: usize, direction: DataDirection) -> Result<Arc<Self>> {
        let allocation = Allocation::new(device, count, direction);
        let memory = UntilUnbind::new(device, allocation, count)?;
        Ok(Arc::new(Self(memory), GFP_KERNEL)?)
    }

    /// Returns the number of pages.
    #[inline]
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// Returns the memory, unless the device is unbound. It is there until the guard is dropped.
    ///
    /// The guard is an RCU read-side critical section: the caller must not sleep.
    #[inline]
    pub fn try_access(&self) -> Option<NoncoherentGuard<'_>> {
        Some(NoncoherentGuard(self.0.try_access()?))
    }
}

/// The memory of a [`NoncoherentMemory`], whose device is bound.
///
/// Its contents are never borrowed: user space may write to them at any time. They are accessed as
/// those of a [`SharedBuffer`](super::SharedBuffer).
pub struct NoncoherentGuard<'a>(RevocableGuard<'a, Allocation>);

impl NoncoherentGuard<'_> {
    /// Returns the address of the memory for the device. It is contiguous there.
    #[doc(alias = "sg_dma_address")]
    #[inline]
    pub fn dma_address(&self) -> DmaAddress {
        // SAFETY: By the type invariants of `Allocation` the table is valid, and has a first entry.
        unsafe { bindings::sg_dma_address((*self.0.pages.table.as_ptr()).sgl) }
    }

    /// Hands the memory to the CPU, which then sees what the device has written
    /// (C: `dma_sync_sgtable_for_cpu()`).
    ///
    /// The driver must have stopped the device's transfers of this memory.
    #[doc(alias = "dma_sync_sgtable_for_cpu")]
    #[doc(alias = "dma_sync_single_for_cpu")]
    pub fn sync_for_cpu(&self) {
        self.0.sync_for_cpu();
    }

    /// Hands the memory to the device, which then sees what the CPU has written
    /// (C: `dma_sync_sgtable_for_device()`).
    ///
    /// Accesses of the CPU may be lost, or show old values, until it has the memory again.
    #[doc(alias = "dma_sync_sgtable_for_device")]
    #[doc(alias = "dma_sync_single_for_device")]
    pub fn sync_for_device(&self) {
        self.0.sync_for_device(self.0.direction);
    }

    /// Copies from the memory, at an offset in bytes.
    ///
    /// User space may write concurrently. The result is then a mix of old and new data.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond its end.
    pub fn read(&self, offset: usize, to: &mut [u8]) -> Result {
        let from = self.0.at(offset, to.len())?;
        // SAFETY: So many bytes are there.
        unsafe { copy_from_shared(from, to) };
        Ok(())
    }

    /// Copies to the memory, at an offset in bytes.
    ///
    /// # Errors
    ///
    /// `EINVAL` beyond its end.
    pub fn write(&self, offset: usize, from: &[u8]) -> Result {
        let to = self.0.at(offset, from.len())?;
        // SAFETY: So many bytes are there.
        unsafe { copy_to_shared(to, from) };
        Ok(())
    }

    /// Loads a word, at an offset in bytes, by one access.
    ///
    /// As [`SharedPage::load()`](super::SharedPage::load).
    ///
    /// # Errors
    ///
    /// `EINVAL` if the word is out of bounds or the offset not aligned to it.
    #[inline]
    pub fn load<W: SharedWord>(&self, offset: usize, order: impl AcquireOrRelaxed) -> Result<W> {
        let offset = checked_word::<W>(offset, self.0.pages.len)?;
        let at = self.0.at(offset, size_of::<W>())?;

        // SAFETY: The word is there and aligned. By the type invariants of `Allocation` the kernel
        // accesses it by volatile and atomic accesses only.
        Ok(unsafe { W::load_from(at.cast(), order) })
    }

    /// Stores a word, at an offset in bytes, by one access.
    ///
    /// As [`SharedPage::store()`](super::SharedPage::store).
    ///
    /// # Errors
    ///
    /// `EINVAL` if the word is out of bounds or the offset not aligned to it.
    #[inline]
    pub fn store<W: SharedWord>(
        &self,
        offset: usize,
        value: W,
        order: impl ReleaseOrRelaxed,
    ) -> Result {
        let offset = checked_word::<W>(offset, self.0.pages.len)?;
        let at = self.0.at(offset, size_of::<W>())?;

        // SAFETY: As in `load()`.
        unsafe { value.store_to(at.cast(), order) };
        Ok(())
    }
}

impl sealed::Sealed for Arc<NoncoherentMemory> {}

impl DmaBacked for Arc<NoncoherentMemory> {
    fn page_count(&self) -> usize {
        self.count()
    }

    fn open_file<M: ModuleMetadata>(&self) -> Result<ARef<File>> {
        self.0.open_file::<M>()
    }

    unsafe fn map(&self, vma: *mut bindings::vm_area_struct) -> Result {
        self.0.map_by(|allocation| {
            // SAFETY: Guaranteed by the caller: both locks are held, and the VMA is new, and no
            // copy-on-write mapping. The mappings end before the memory is freed.
            unsafe { allocation.mmap(vma) }
        })
    }
}
