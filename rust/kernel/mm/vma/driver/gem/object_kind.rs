// SPDX-License-Identifier: GPL-2.0

//! The kinds of pages that VMAs of a GEM object can have, and how their setup ends.

use super::super::{
    DeviceMap,
    MixedMap,
    PageKind,
    PfnMap,
    Plain,
    VmaSetup, //
};
use crate::prelude::*;

/// A kind of mapping that a GEM object can have: all but `DmaMap`. This trait is sealed.
#[diagnostic::on_unimplemented(
    message = "a GEM object cannot be mapped by a VMA of the kind `{Self}`",
    label = "not for the operations of a GEM object",
    note = "say `type PageKind = Plain`, `MixedMap` or `DeviceMap` in the operations"
)]
pub trait ObjectKind: PageKind {
    /// The kind that the hook of the object has to choose: this one, if it has a choice.
    type Chosen: PageKind;

    /// True if faults map memory that is taken away by the files of the device.
    #[doc(hidden)]
    const IS_OF_DEVICE: bool = false;

    /// Makes the VMA one of this kind.
    ///
    /// # Safety
    ///
    /// If [`IS_OF_DEVICE`](Self::IS_OF_DEVICE), the VMA must have a file of the object's device,
    /// and get operations whose data is the object.
    #[doc(hidden)]
    unsafe fn choose<'a>(vma: VmaSetup<'a, Self::Chosen>) -> Result<VmaSetup<'a, Self>>
    where
        Self: Sized;
}

macro_rules! chosen_by_the_hook {
    ($($kind:ident),*) => {$(
        impl ObjectKind for $kind {
            type Chosen = Self;

            #[inline]
            unsafe fn choose<'a>(vma: VmaSetup<'a, Self>) -> Result<VmaSetup<'a, Self>> {
                Ok(vma)
            }
        }
    )*};
}

chosen_by_the_hook!(Plain, MixedMap, PfnMap);

impl ObjectKind for DeviceMap {
    type Chosen = Plain;

    const IS_OF_DEVICE: bool = true;

    #[inline]
    unsafe fn choose<'a>(vma: VmaSetup<'a>) -> Result<VmaSetup<'a, Self>> {
        // SAFETY: Guaranteed by the caller: the object finds the VMA by its file, and is its data.
        unsafe { vma.device_map() }
    }
}
