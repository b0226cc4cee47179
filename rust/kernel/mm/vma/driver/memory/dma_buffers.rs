// SPDX-License-Identifier: GPL-2.0

//! Several buffers of coherent DMA memory in one VMA, for no longer than their device is bound.
//!
//! `dma_mmap_attrs()` maps one buffer into all of a VMA. So that it maps several, drivers in C
//! change `vm_start` and `vm_end` for each, which is an error once others see the VMA. Here the
//! pages of each buffer are found by `dma_get_sgtable_attrs()`, and mapped with the protection that
//! the DMA API gives them (`dma_pgprot()`).
//!
//! Not all coherent memory has pages. That of a device with a pool of its own
//! (`dma_declare_coherent_memory()`) is not mapped, nor is that of a global pool.
//!
//! The mappings end with the device, see `dma_mappings`.

use super::{
    dma_mappings::{
        sealed,
        DmaBacked,
        UntilUnbind, //
    },
    dma_memory::pages_of, //
};
use crate::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    dma::Coherent,
    fs::File,
    page::PAGE_SHIFT,
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

/// Buffers of coherent DMA memory that user space can map as one range, in their order.
///
/// As [`DmaMemory`](super::DmaMemory), of which each buffer would be one. For a ring of buffers, or
/// for more memory than the DMA API gives at once.
///
/// May sleep when it is dropped.
///
/// # Invariants
///
/// Each buffer consists of whole pages, and all have the same attributes.
#[doc(alias = "dma_mmap_coherent")]
#[doc(alias = "dma_get_sgtable")]
pub struct DmaBuffers<T: KnownSize + ?Sized + Send + 'static>(UntilUnbind<KVec<Coherent<T>>>);

impl<T: KnownSize + ?Sized + AsBytes + FromBytes + Send + Sync + 'static> DmaBuffers<T> {
    /// Makes memory that can be mapped of buffers of a device.
    ///
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no buffer, or if one belongs to another device, does not consist of
    /// whole pages, or was allocated with other attributes than the first one: mappings with
    /// different memory types would not survive `mprotect()`. `ENOMEM`, `ENFILE`. They are freed
    /// then.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{
    ///     device::{Bound, Device},
    ///     dma::Coherent,
    ///     mm::vma::driver::{
    ///         DmaBuffers, DmaMap, Prepared, ViaMmapPrepare, VmaDesc, VmaOperations, //
    ///     },
    ///     page::PAGE_SIZE,
    ///     prelude::*,
    ///     sync::Arc, //
    /// };
    ///
    /// type Ring = Arc<DmaBuffers<[u8]>>;
    ///
    /// fn ring(device: &Device<Bound>) -> Result<Ring> {
    ///     let mut buffers = KVec::new();
    ///     for _ in 0..8 {
    ///         let buffer = Coherent::<u8>::zeroed_slice(device, 4 * PAGE_SIZE, GFP_KERNEL)?;
    ///         buffers.push(buffer, GFP_KERNEL)?;
    ///     }
    ///     DmaBuffers::new(device, buffers)
    /// }
    ///
    /// struct Ops;
    /// kernel::vm_operations!(Ops);
    ///
    /// #[vtable]
    /// impl VmaOperations for Ops {
    ///     type Data = Ring;
    ///     type PageKind = DmaMap;
    ///     type Hook = ViaMmapPrepare;
    /// }
    ///
    /// fn mmap_prepare<'a>(ring: &'a Ring, desc: VmaDesc<'a>) -> Result<Prepared<'a>> {
    ///     let first = desc.pgoff();
    ///     desc.map_dma::<Ops>(ring, first)
    /// }
    /// # let _ = (ring, mmap_prepare);
    /// ```
    pub fn new(device: &Device<Bound>, buffers: KVec<Coherent<T>>) -> Result<Arc<Self>> {
        let first = buffers.first().ok_or(EINVAL)?;
        let mut count = 0usize;

        for buffer in &buffers {
            if !buffer.has_attrs_of(first) {
                return Err(EINVAL);
            }
            count = count.checked_add(pages_of(device, buffer)?).ok_or(EINVAL)?;
        }

        // INVARIANT: The sizes and the attributes were checked.
        let memory = UntilUnbind::new(device, Ok(buffers), count)?;
        Ok(Arc::new(Self(memory), GFP_KERNEL)?)
    }
}

impl<T: KnownSize + ?Sized + Send + 'static> DmaBuffers<T> {
    /// Returns the number of pages of all buffers.
    #[inline]
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// Returns the buffers, unless the device is unbound. They are there until the guard is
    /// dropped.
    ///
    /// The guard is an RCU read-side critical section: the caller must not sleep.
    #[inline]
    pub fn try_access(&self) -> Option<RevocableGuard<'_, KVec<Coherent<T>>>> {
        self.0.try_access()
    }
}

impl<T> sealed::Sealed for Arc<DmaBuffers<T>> where
    T: KnownSize + ?Sized + AsBytes + FromBytes + Send + Sync + 'static
{
}

impl<T> DmaBacked for Arc<DmaBuffers<T>>
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
        // SAFETY: Guaranteed by the caller: the locks are held, under which these stay.
        let (mut addr, end, mut skipped) = unsafe {
            let layout = &(*vma).__bindgen_anon_1.__bindgen_anon_1;
            (layout.vm_start, layout.vm_end, (*vma).vm_pgoff)
        };

        self.0.map_by(|buffers| {
            for buffer in buffers {
                let pages = buffer.size() >> PAGE_SHIFT;
                let first = skipped.min(pages);
                let count = (pages - first).min((end - addr) >> PAGE_SHIFT);
                skipped -= first;
                if count == 0 {
                    continue;
                }

                // SAFETY: Guaranteed by the caller: both locks are held, and the VMA is new, and no
                // copy-on-write mapping. The pages are those of the buffer that are in the VMA.
                // The device is bound, and the mappings end before the memory is freed; it is whole
                // pages, all of whose bytes are initialised (`T: AsBytes`) and may have any value
                // (`T: FromBytes`).
                unsafe { buffer.mmap_pages(vma, addr, first, count) }?;
                addr += count << PAGE_SHIFT;
            }
            if addr != end {
                return Err(ENXIO);
            }
            Ok(())
        })
    }
}
