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
    device::{
        Bound,
        Device, //
    },
    devres::Devres,
    fs::File,
    prelude::*,
    revocable::RevocableGuard,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
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
struct DmaMappings {
    is_gone: Atomic<bool>,
    #[pin]
    all: Mappings,
}

impl DmaMappings {
    fn new() -> impl PinInit<Self, Error> {
        // INVARIANT: Nothing is mapped.
        try_pin_init!(Self {
            is_gone: Atomic::new(false),
            all <- Mappings::new(),
        })
    }

    /// Returns `ENODEV` if the memory is gone.
    fn check(&self) -> Result {
        if self.is_gone.load(Relaxed) {
            return Err(ENODEV);
        }
        Ok(())
    }
}

/// Ends all mappings when it is dropped.
struct Revocation(Arc<DmaMappings>);

impl Drop for Revocation {
    fn drop(&mut self) {
        self.0.is_gone.store(true, Relaxed);
        self.0.all.take_away();
    }
}

/// Memory of the DMA API, until its device is unbound, and its mappings.
///
/// # Invariants
///
/// `memory` consists of `count` pages. It is released after `revocation`. All VMAs that map it have
/// a file of the inode in `mappings`.
pub(super) struct UntilUnbind<A: Send + 'static> {
    // In the order in which they are dropped.
    _revocation: Devres<Revocation>,
    memory: Devres<A>,
    mappings: Arc<DmaMappings>,
    count: usize,
}

impl<A: Send + 'static> UntilUnbind<A> {
    /// Has memory of `device`, which consists of `count` pages.
    pub(super) fn new(device: &Device<Bound>, memory: Result<A>, count: usize) -> Result<Self> {
        let mappings = Arc::pin_init(DmaMappings::new(), GFP_KERNEL)?;

        // INVARIANT: The memory is registered first, so it is released last. There are no VMAs.
        let memory = Devres::new(device, memory)?;
        let revocation = Devres::new(device, Ok::<_, Error>(Revocation(mappings.clone())))?;

        Ok(Self {
            _revocation: revocation,
            memory,
            mappings,
            count,
        })
    }

    /// Returns the number of pages.
    #[inline]
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns the memory, unless the device is unbound.
    #[inline]
    pub(super) fn try_access(&self) -> Option<RevocableGuard<'_, A>> {
        self.memory.try_access()
    }

    /// Returns the memory, for as long as its device is bound. `EINVAL` for another device;
    /// `ENODEV` if the memory is gone.
    #[inline]
    pub(super) fn access<'a>(&'a self, device: &'a Device<Bound>) -> Result<&'a A> {
        // `Devres` compares devices, and one that was unbound may be bound again.
        self.mappings.check()?;
        self.memory.access(device)
    }

    /// Opens a file for a VMA, see [`Mappings::open()`]; `ENODEV` if the memory is gone.
    pub(super) fn open_file<M: ModuleMetadata>(&self) -> Result<ARef<File>> {
        self.mappings.check()?;
        self.mappings.all.open::<M>()
    }

    /// Calls `map` with the memory in a section, in which it may be mapped into VMAs that have a
    /// file of [`open_file()`](Self::open_file) and are linked in its reverse mapping; `ENODEV` if
    /// it is gone. The mappings end before the memory is freed.
    pub(super) fn map_by(&self, map: impl FnOnce(&A) -> Result) -> Result {
        let _section = self.mappings.all.enter();
        self.mappings.check()?;

        // SAFETY: The device does not release what it has for the driver before the revocation is
        // released, which waits for the end of this section. By the type invariants that is before
        // the memory.
        let device = unsafe { self.memory.device().as_bound() };
        map(self.memory.access(device)?)
    }
}

pub(super) mod sealed {
    pub trait Sealed {}
}

/// Private data whose VMAs map memory of the DMA API: an [`Arc`] of a
/// [`DmaMemory`](super::DmaMemory), [`DmaBuffers`](super::DmaBuffers) or a
/// [`NoncoherentMemory`](super::NoncoherentMemory). This trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no memory of the DMA API",
    label = "the memory must end with the device",
    note = "say `type Data = Arc<DmaMemory<..>>`, `Arc<DmaBuffers<..>>` or \
            `Arc<NoncoherentMemory>` in the operations"
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
