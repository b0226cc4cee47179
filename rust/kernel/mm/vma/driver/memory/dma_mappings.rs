// SPDX-License-Identifier: GPL-2.0

//! Memory of the DMA API that is mapped, until its device is unbound.
//!
//! Both mapping and freeing such memory need a device that is bound: its DMA operations, its IOMMU
//! domain and its `dma_range_map` go with the driver. Therefore the memory does not stay for as
//! long as it is mapped. When the device is unbound, its mappings end first, in this order:
//!
//! 1. Each VMA has a file of the memory's own inode, by which all mappings are found (see
//!    [`Mappings`]).
//! 2. The memory is mapped in `mapped()`, when the VMA is in the reverse mapping already, in an
//!    SRCU read-side critical section. The `.mmap` hook would be too early: a device that is
//!    unbound between the hook and the end of `mmap()` would miss the VMA.
//! 3. The device has a [`Revocation`], which it releases before the memory: devres releases in
//!    reverse order. It marks the memory as gone, waits for the sections that have not seen that,
//!    and unmaps. Each later access is a SIGBUS.

use super::mappings::Mappings;
use crate::{
    bindings,
    fs::File,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        srcu,
        Arc, //
    },
    ModuleMetadata, //
};

/// The mappings of the memory, until they end.
///
/// # Invariants
///
/// The memory is mapped only into VMAs that have a file of the inode of `all` and are linked in the
/// reverse mapping of that, and only within a section of `all` in which `is_gone` is not set.
#[pin_data]
pub(super) struct DmaMappings {
    is_gone: Atomic<bool>,
    #[pin]
    all: Mappings,
}

impl DmaMappings {
    pub(super) fn new() -> impl PinInit<Self, Error> {
        // INVARIANT: Nothing is mapped.
        try_pin_init!(Self {
            is_gone: Atomic::new(false),
            all <- Mappings::new(),
        })
    }

    /// Opens a file for a VMA, see [`Mappings::open()`]; `ENODEV` if the memory is gone.
    pub(super) fn open<M: ModuleMetadata>(&self) -> Result<ARef<File>> {
        if self.is_gone.load(Relaxed) {
            return Err(ENODEV);
        }
        self.all.open::<M>()
    }

    /// Begins a section, in which the memory may be mapped; `ENODEV` if it is gone.
    pub(super) fn enter(&self) -> Result<srcu::Guard<'_>> {
        let section = self.all.enter();
        if self.is_gone.load(Relaxed) {
            return Err(ENODEV);
        }
        Ok(section)
    }
}

/// Ends all mappings when it is dropped.
pub(super) struct Revocation(Arc<DmaMappings>);

impl Revocation {
    pub(super) fn of(mappings: &Arc<DmaMappings>) -> Self {
        Self(mappings.clone())
    }
}

impl Drop for Revocation {
    fn drop(&mut self) {
        self.0.is_gone.store(true, Relaxed);
        self.0.all.take_away();
    }
}

pub(super) mod sealed {
    pub trait Sealed {}
}

/// Private data whose VMAs map memory of the DMA API: an [`Arc`] of a
/// [`DmaMemory`](super::DmaMemory) or a [`NoncoherentMemory`](super::NoncoherentMemory). This trait
/// is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no memory of the DMA API",
    label = "the memory must end with the device",
    note = "say `type Data = Arc<DmaMemory<..>>` or `Arc<NoncoherentMemory>` in the operations"
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
