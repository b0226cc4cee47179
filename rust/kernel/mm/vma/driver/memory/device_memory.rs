// SPDX-License-Identifier: GPL-2.0

//! Memory of a device, mapped into user space for no longer than the device is there.
//!
//! When a device is unplugged or its driver is unbound, user space may still have its memory
//! mapped. In C each driver has to take these mappings away, in an order that races with page
//! faults. Here the order is that of [`Mappings`]. The device owns a [`Revocation`], which it
//! releases before the memory: devres releases in reverse order. It marks the memory as gone, and
//! takes the mappings away.
//!
//! From then on, and while the memory is suspended, accesses fault: a SIGBUS, or a stand-in page of
//! the memory's own. That is normal memory, so the VMAs of memory that has one have several memory
//! types, as those of [`Pieces`](super::Pieces).

use super::{
    device_resource::DeviceResource,
    found_frame::FoundFrame,
    mappings::{
        InSection,
        Mappings, //
    },
    pfn_region::{
        Frames,
        HasFrames,
        MemoryType, //
    },
};
use crate::{
    devres,
    fs::File,
    mm::vma::{
        order::{
            After,
            IMmapLock,
            LockClass, //
        },
        LockOrder,
        PageProt, //
    },
    prelude::*,
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
use core::ops::Deref;

/// Faults map the frames.
const PRESENT: u32 = 0;
/// Faults map the stand-in page, or fail, until the memory is resumed.
const SUSPENDED: u32 = 1;
/// Faults map the stand-in page, or fail.
const GONE: u32 = 2;

/// Memory of a device that user space can map: a PCI BAR, an I/O memory region, or what a driver
/// has claimed by its address.
///
/// An [`Arc`] of it is the private data of VMAs of the kind [`DeviceMap`](super::super::DeviceMap).
/// `R` is the [`Devres`](crate::devres::Devres) of the resource, by which the driver accesses the
/// memory, too.
///
/// The mappings end when the device is unbound from its driver, before the resource is released.
/// The device has a reference to the memory until then, so this happens also if the driver has
/// dropped its own.
///
/// # Invariants
///
/// The frames may be mapped within a section of `mappings` in which `state` is `PRESENT`. All VMAs
/// that map them have a file of its inode. `stand_in` has as many frames.
#[pin_data]
pub struct DeviceMemory<R> {
    frames: Frames,
    stand_in: Option<Frames>,
    resource: R,
    state: Atomic<u32>,
    #[pin]
    mappings: Mappings,
}

impl<R: Send + Sync + 'static> DeviceMemory<R> {
    /// Makes memory that can be mapped of a resource of a device.
    ///
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the resource is not memory, or does not consist of whole pages: the rest of a
    /// page may belong to another device. `ENOMEM`, `ENFILE`.
    ///
    /// # Examples
    ///
    /// ```
    /// # #![cfg(CONFIG_PCI)]
    /// use kernel::{
    ///     device::Bound,
    ///     mm::vma::driver::{DeviceMemory, MemoryType},
    ///     pci,
    ///     prelude::*,
    ///     sync::Arc, //
    /// };
    ///
    /// fn memory(pdev: &pci::Device<Bound>) -> Result<Arc<DeviceMemory<pci::DevresBar>>> {
    ///     let bar = pdev.iomap_region(2, c"sample")?;
    ///     DeviceMemory::new(bar, MemoryType::WriteCombine)
    /// }
    /// ```
    pub fn new<'a>(
        resource: impl DeviceResource<'a, Managed = R>,
        memory_type: MemoryType,
    ) -> Result<Arc<Self>> {
        Self::make(resource, memory_type, |_| Ok(None))
    }

    /// The same with a stand-in page, to which accesses go while the memory is suspended or gone.
    ///
    /// It is zeroed at first, and shared by all mappings: what is written to it shows at every
    /// address, and again when the memory is suspended next. So no access is a SIGBUS.
    ///
    /// The stand-in page has another memory type than the device, so user space cannot change the
    /// protection of such a mapping (`mprotect()`: `EACCES`), and there are no huge pages.
    ///
    /// May sleep.
    ///
    /// # Errors
    ///
    /// As [`new()`](Self::new).
    pub fn with_stand_in<'a>(
        resource: impl DeviceResource<'a, Managed = R>,
        memory_type: MemoryType,
    ) -> Result<Arc<Self>> {
        Self::make(resource, memory_type, |pages| {
            Frames::alloc_dummy(pages, GFP_KERNEL).map(Some)
        })
    }

    fn make<'a>(
        resource: impl DeviceResource<'a, Managed = R>,
        memory_type: MemoryType,
        stand_in: impl FnOnce(usize) -> Result<Option<Frames>>,
    ) -> Result<Arc<Self>> {
        let device = resource.device();
        let (first_pfn, count) = resource.frames()?;
        let stand_in = stand_in(count)?;
        let resource = resource.into_devres()?;

        // SAFETY: The frames belong to the resource, so they may be mapped until it is released,
        // which `Revocation` sees to.
        let frames = unsafe { Frames::existing(first_pfn, count, memory_type, true) };

        // INVARIANT: The resource is not released. There are no VMAs.
        let memory = Arc::pin_init::<Error>(
            try_pin_init!(Self {
                frames,
                stand_in,
                resource,
                state: Atomic::new(PRESENT),
                mappings <- Mappings::new(),
            }),
            GFP_KERNEL,
        )?;

        devres::register(device, Revocation(memory.clone()), GFP_KERNEL)?;
        Ok(memory)
    }

    /// Has the mappings by the files of a DRM device taken away, too, of which `file` is one.
    #[cfg(CONFIG_DRM = "y")]
    pub(in super::super) fn attach(&self, file: ARef<File>) -> Result {
        self.mappings
            .attached()
            .attach(file, || self.state.load(Relaxed) != GONE)
    }

    #[cfg(CONFIG_DRM = "y")]
    pub(super) fn mappings(&self) -> &Mappings {
        &self.mappings
    }

    /// Begins a section, and returns what faults map in it.
    #[inline]
    pub(super) fn in_section(&self) -> Result<InSection<'_>> {
        let section = self.mappings.enter();
        let frames = match &self.stand_in {
            _ if self.is_present() => &self.frames,
            Some(stand_in) => stand_in,
            None => return Err(ENXIO),
        };
        Ok(InSection::new(frames, section))
    }

    /// Returns the resource.
    #[inline]
    pub fn resource(&self) -> &R {
        &self.resource
    }

    /// Returns the number of frames.
    #[inline]
    pub fn count(&self) -> usize {
        self.frames.count()
    }

    /// Returns whether faults map the memory: the device is there, and not suspended.
    ///
    /// It can change at any time.
    #[inline]
    pub fn is_present(&self) -> bool {
        self.state.load(Relaxed) == PRESENT
    }

    /// Unmaps the memory from all address spaces, and keeps faults from mapping it until
    /// [`Self::resume()`].
    ///
    /// For a device that is about to lose power, or to be reset. No access is under way when this
    /// returns, also if another task has called it before and has not returned. Accesses get a
    /// SIGBUS, or the stand-in page.
    ///
    /// May sleep: waits for faults, and takes the reverse-mapping lock of the memory's inode.
    #[doc(alias = "unmap_mapping_range")]
    pub fn suspend<H: LockClass>(&self, _order: &mut LockOrder<'_, H>)
    where
        IMmapLock: After<H>,
    {
        // It may be suspended, or gone.
        let _ = self.state.cmpxchg(PRESENT, SUSPENDED, Relaxed);
        self.mappings.take_away();
    }

    /// Lets faults map the memory again, after [`Self::suspend()`].
    ///
    /// The stand-in page, if there is one, is unmapped. Does nothing if the memory is gone.
    ///
    /// May sleep, as [`Self::suspend()`].
    pub fn resume<H: LockClass>(&self, _order: &mut LockOrder<'_, H>)
    where
        IMmapLock: After<H>,
    {
        let _ = self.state.cmpxchg(SUSPENDED, PRESENT, Relaxed);
        if self.stand_in.is_some() && self.is_present() {
            self.mappings.take_away();
        }
    }
}

/// Ends all mappings when it is dropped.
struct Revocation<R: Send + Sync + 'static>(Arc<DeviceMemory<R>>);

impl<R: Send + Sync + 'static> Drop for Revocation<R> {
    fn drop(&mut self) {
        self.0.state.store(GONE, Relaxed);
        self.0.mappings.take_away();
        #[cfg(CONFIG_DRM = "y")]
        self.0.mappings.attached().detach();
    }
}

// SAFETY: The frames are set when the memory is made. `find()` lends those of the device within a
// section in which the state says that they are there: the type invariants. The stand-in page is
// the memory's own. Whether there is one does not change.
unsafe impl<R: Send + Sync + 'static> HasFrames for Arc<DeviceMemory<R>> {
    const STAY: bool = false;
    const MAY_DIFFER: bool = true;

    #[inline]
    fn find<'a>(
        data: Self::Borrowed<'a>,
        frame: usize,
    ) -> Result<FoundFrame<impl Deref<Target = Frames> + 'a>> {
        // SAFETY: The memory lives for 'a, which the borrow says.
        let memory: &'a DeviceMemory<R> = unsafe { &*core::ptr::from_ref(&*data) };

        let frames = memory.in_section()?;
        if memory.stand_in.is_some() {
            FoundFrame::of_own_type(frames, frame)
        } else {
            FoundFrame::of_vma_type(frames, frame)
        }
    }

    #[inline]
    fn types_differ(data: Self::Borrowed<'_>) -> bool {
        data.stand_in.is_some()
    }

    #[inline]
    fn vma_prot(&self, prot: PageProt) -> PageProt {
        match self.stand_in {
            Some(_) => prot,
            None => self.frames.vma_prot(prot),
        }
    }
}

pub(in super::super) mod sealed {
    pub trait Sealed {}
}

/// Private data whose VMAs map memory that can be taken away: [`Arc<DeviceMemory<R>>`](Arc), or
/// [`Arc<FrameSlots<U>>`](super::FrameSlots). This trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no memory that can be taken away",
    label = "not the memory of a device, nor slots of frames",
    note = "say `type Data = Arc<DeviceMemory<..>>` in the operations, or `Arc<FrameSlots<..>>`"
)]
pub trait DeviceBacked: HasFrames + sealed::Sealed {
    /// Opens a file by which all mappings of the memory are found, and which keeps the module `M`.
    #[doc(hidden)]
    fn open_file<M: ModuleMetadata>(&self) -> Result<ARef<File>>;
}

impl<R: Send + Sync + 'static> sealed::Sealed for Arc<DeviceMemory<R>> {}

impl<R: Send + Sync + 'static> DeviceBacked for Arc<DeviceMemory<R>> {
    fn open_file<M: ModuleMetadata>(&self) -> Result<ARef<File>> {
        if self.state.load(Relaxed) == GONE {
            return Err(ENODEV);
        }
        self.mappings.open::<M>()
    }
}
