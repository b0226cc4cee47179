// SPDX-License-Identifier: GPL-2.0

//! The private data that VMAs of a kind can own.
//!
//! The frames of a [`PfnMap`] VMA are those of its data, and so is its memory type. So there is no
//! VMA of this kind without frames, and the memory type is known when the setup ends.

use super::{
    super::{
        kind::{
            DeviceMap,
            DmaMap,
            MixedMap,
            PageKind,
            PfnMap,
            Plain, //
        },
        DeviceBacked,
        DmaBacked,
        HasFrames,
        PfnBacked, //
    },
    PrivateData, //
};
use crate::{
    bindings,
    mm::vma::PageProt,
    prelude::*, //
};

mod sealed {
    pub trait Sealed<K> {}
}

/// Private data that a VMA of the kind `K` can own.
///
/// Implemented for all [`PrivateData`] if the kind is [`Plain`] or [`MixedMap`], and for data that
/// is [`PfnBacked`] if it is [`PfnMap`], [`DeviceBacked`] if it is [`DeviceMap`], [`DmaBacked`] if
/// it is [`DmaMap`]. This trait is sealed.
///
/// The entries of a VMA can have memory types that its protection lacks, see
/// [`Pieces`](super::super::Pieces).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the private data of a VMA of the kind `{K}`",
    label = "a VMA of this kind needs data with page frames",
    note = "say `type Data = Arc<PfnRegion<..>>` or `Arc<PfnPieces<..>>` for a `PfnMap`, \
            `Arc<DeviceMemory<..>>` or `Arc<FrameSlots<..>>` for a `DeviceMap`, \
            `Arc<DmaMemory<..>>`, `Arc<DmaBuffers<..>>` or `Arc<NoncoherentMemory>` for a \
            `DmaMap`, or another kind, in the operations"
)]
pub trait DataOf<K: PageKind>: PrivateData + sealed::Sealed<K> {
    /// `true` if [`map_at_once()`](Self::map_at_once) maps anything.
    #[doc(hidden)]
    const MAPS_AT_ONCE: bool = false;

    /// The protection of a VMA with this data, from the one that it would have without.
    #[doc(hidden)]
    fn vma_prot(&self, prot: PageProt) -> PageProt;

    /// True if `types_differ()` of some data.
    #[doc(hidden)]
    const MAY_DIFFER: bool = false;

    /// Returns true if entries have memory types that the protection of the VMA lacks.
    #[doc(hidden)]
    #[inline]
    fn types_differ(_data: Self::Borrowed<'_>) -> bool {
        false
    }

    /// Maps all that a VMA of this kind maps when it is linked: nothing.
    ///
    /// # Safety
    ///
    /// Called by `mapped()`, with the VMA that is being mapped. It must have been set up with this
    /// data as one of the kind `K`.
    #[doc(hidden)]
    #[inline]
    unsafe fn map_at_once(&self, _vma: *mut bindings::vm_area_struct) -> Result {
        Ok(())
    }
}

impl<D: PrivateData> sealed::Sealed<Plain> for D {}
impl<D: PrivateData> sealed::Sealed<MixedMap> for D {}
impl<D: PfnBacked> sealed::Sealed<PfnMap> for D {}
impl<D: DeviceBacked> sealed::Sealed<DeviceMap> for D {}
impl<D: DmaBacked> sealed::Sealed<DmaMap> for D {}

impl<D: PrivateData> DataOf<Plain> for D {
    #[inline]
    fn vma_prot(&self, prot: PageProt) -> PageProt {
        prot
    }
}

impl<D: PrivateData> DataOf<MixedMap> for D {
    // Its pages are normal memory, whatever the data has.
    #[inline]
    fn vma_prot(&self, prot: PageProt) -> PageProt {
        prot
    }
}

impl<D: PfnBacked> DataOf<PfnMap> for D {
    #[inline]
    fn vma_prot(&self, prot: PageProt) -> PageProt {
        HasFrames::vma_prot(self, prot)
    }

    const MAY_DIFFER: bool = <D as HasFrames>::MAY_DIFFER;

    #[inline]
    fn types_differ(data: Self::Borrowed<'_>) -> bool {
        <D as HasFrames>::types_differ(data)
    }
}

impl<D: DeviceBacked> DataOf<DeviceMap> for D {
    #[inline]
    fn vma_prot(&self, prot: PageProt) -> PageProt {
        HasFrames::vma_prot(self, prot)
    }

    const MAY_DIFFER: bool = <D as HasFrames>::MAY_DIFFER;

    #[inline]
    fn types_differ(data: Self::Borrowed<'_>) -> bool {
        <D as HasFrames>::types_differ(data)
    }
}

impl<D: DmaBacked> DataOf<DmaMap> for D {
    const MAPS_AT_ONCE: bool = true;

    // The DMA API sets it.
    #[inline]
    fn vma_prot(&self, prot: PageProt) -> PageProt {
        prot
    }

    #[inline]
    unsafe fn map_at_once(&self, vma: *mut bindings::vm_area_struct) -> Result {
        // SAFETY: Guaranteed by the caller: the callers of `mapped()` hold both locks for writing,
        // and have linked the VMA. `VmaDesc::map_dma()` gave it a file of this data, and refuses a
        // copy-on-write mapping.
        unsafe { self.map(vma) }
    }
}
