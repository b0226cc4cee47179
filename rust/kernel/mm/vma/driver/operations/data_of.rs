// SPDX-License-Identifier: GPL-2.0

//! The private data that VMAs of a kind can own.
//!
//! The frames of a [`PfnMap`] VMA are those of its data, and so is its memory type. So there is no
//! VMA of this kind without frames, and the memory type is known when the setup ends.

use super::{
    super::{
        kind::{
            DeviceMap,
            MixedMap,
            PageKind,
            PfnMap,
            Plain, //
        },
        DeviceBacked,
        PfnBacked, //
    },
    PrivateData, //
};
use crate::mm::vma::PageProt;

mod sealed {
    pub trait Sealed<K> {}
}

/// Private data that a VMA of the kind `K` can own.
///
/// Implemented for all [`PrivateData`] if the kind is [`Plain`] or [`MixedMap`], and for data that
/// is [`PfnBacked`] if it is [`PfnMap`], [`DeviceBacked`] if it is [`DeviceMap`]. This trait is
/// sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the private data of a VMA of the kind `{K}`",
    label = "a VMA of this kind needs data with page frames",
    note = "say `type Data = Arc<PfnRegion<..>>` for a `PfnMap`, `Arc<DeviceMemory<..>>` for a \
            `DeviceMap`, or another kind, in the operations"
)]
pub trait DataOf<K: PageKind>: PrivateData + sealed::Sealed<K> {
    /// The protection of a VMA with this data, from the one that it would have without.
    #[doc(hidden)]
    fn vma_prot(&self, prot: PageProt) -> PageProt;
}

impl<D: PrivateData> sealed::Sealed<Plain> for D {}
impl<D: PrivateData> sealed::Sealed<MixedMap> for D {}
impl<D: PfnBacked> sealed::Sealed<PfnMap> for D {}
impl<D: DeviceBacked> sealed::Sealed<DeviceMap> for D {}

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
        self.frames().vma_prot(prot)
    }
}

impl<D: DeviceBacked> DataOf<DeviceMap> for D {
    #[inline]
    fn vma_prot(&self, prot: PageProt) -> PageProt {
        self.frames().vma_prot(prot)
    }
}
