// SPDX-License-Identifier: GPL-2.0

//! Memory of a device, mapped into user space for no longer than the device is there.
//!
//! When a device is unplugged or its driver is unbound, user space may still have its memory
//! mapped. In C each driver has to take these mappings away, in an order that races with page
//! faults. Here the order is that of [`DeviceMemory`]:
//!
//! 1. Each VMA gets a file of the memory's own inode as its `vm_file`. So one call of
//!    `unmap_mapping_range()` reaches all mappings, by whatever device node they were made (C:
//!    `drm_open()`, which sets `f_mapping`).
//! 2. Only faults map frames, in an SRCU read-side critical section. A mapping that the mmap hook
//!    made would be missed, because its VMA is not in the reverse mapping yet.
//! 3. The device owns a [`Revocation`], which it releases before the memory: devres releases in
//!    reverse order. It marks the memory as gone, waits for the faults that have not seen that,
//!    and unmaps. Each later fault is a SIGBUS.

use super::{
    device_resource::DeviceResource,
    mapping_inode::MappingInode,
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
        LockOrder, //
    },
    new_srcu,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        srcu,
        Arc,
        Srcu, //
    },
    ModuleMetadata, //
};
use core::ops::Deref;

/// Faults map the frames.
const PRESENT: u32 = 0;
/// Faults fail until the memory is resumed.
const SUSPENDED: u32 = 1;
/// Faults fail.
const GONE: u32 = 2;

/// Memory of a device that user space can map: a PCI BAR, or an I/O memory region.
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
/// The frames may be mapped within a read-side critical section of `sections` in which `state` is
/// `PRESENT`. All VMAs that map them have a file of `inode`.
#[pin_data]
pub struct DeviceMemory<R> {
    frames: Frames,
    resource: R,
    state: Atomic<u32>,
    inode: MappingInode,
    #[pin]
    sections: Srcu,
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
        let device = resource.device();
        let (first_pfn, count) = resource.frames()?;
        let resource = resource.into_devres()?;

        // SAFETY: The frames belong to the resource, so they may be mapped until it is released,
        // which `Revocation` sees to.
        let frames = unsafe { Frames::existing(first_pfn, count, memory_type, true) };
        let inode = MappingInode::new()?;

        // INVARIANT: The resource is not released. There are no VMAs.
        let memory = Arc::pin_init::<Error>(
            try_pin_init!(Self {
                frames,
                resource,
                state: Atomic::new(PRESENT),
                inode,
                sections <- new_srcu!(),
            }),
            GFP_KERNEL,
        )?;

        devres::register(device, Revocation(memory.clone()), GFP_KERNEL)?;
        Ok(memory)
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

    /// Unmaps the memory from all address spaces, and makes faults fail until [`Self::resume()`].
    ///
    /// For a device that is about to lose power, or to be reset. No access is under way when this
    /// returns, also if another task has called it before and has not returned. Accesses get a
    /// SIGBUS.
    ///
    /// May sleep: waits for faults, and takes the reverse-mapping lock of the memory's inode.
    #[doc(alias = "unmap_mapping_range")]
    pub fn suspend<H: LockClass>(&self, _order: &mut LockOrder<'_, H>)
    where
        IMmapLock: After<H>,
    {
        // It may be suspended, or gone.
        let _ = self.state.cmpxchg(PRESENT, SUSPENDED, Relaxed);
        self.unmap();
    }

    /// Lets faults map the memory again, after [`Self::suspend()`].
    ///
    /// Does nothing if the memory is not suspended.
    pub fn resume(&self) {
        let _ = self.state.cmpxchg(SUSPENDED, PRESENT, Relaxed);
    }

    /// Unmaps everything, after the state has changed.
    fn unmap(&self) {
        // A section that began before saw the old state, and may have mapped something. One that
        // begins later sees the new state.
        self.sections.synchronize();

        self.inode.unmap_all();
    }
}

/// Ends all mappings when it is dropped.
struct Revocation<R: Send + Sync + 'static>(Arc<DeviceMemory<R>>);

impl<R: Send + Sync + 'static> Drop for Revocation<R> {
    fn drop(&mut self) {
        self.0.state.store(GONE, Relaxed);
        self.0.unmap();
    }
}

/// The frames of a [`DeviceMemory`], within a section in which they are there.
struct Present<'a> {
    frames: &'a Frames,
    _section: srcu::Guard<'a>,
}

impl Deref for Present<'_> {
    type Target = Frames;

    #[inline]
    fn deref(&self) -> &Frames {
        self.frames
    }
}

// SAFETY: The frames are set when the memory is made. `region()` lends them within a section in
// which the state says that they are there: the type invariants.
unsafe impl<R: Send + Sync + 'static> HasFrames for Arc<DeviceMemory<R>> {
    #[inline]
    fn region<'a>(data: Self::Borrowed<'a>) -> Option<impl Deref<Target = Frames> + 'a> {
        // SAFETY: The memory lives for 'a, which the borrow says.
        let memory: &'a DeviceMemory<R> = unsafe { &*core::ptr::from_ref(&*data) };

        let section = memory.sections.read_lock();
        memory.is_present().then_some(Present {
            frames: &memory.frames,
            _section: section,
        })
    }

    #[inline]
    fn frames(&self) -> &Frames {
        &self.frames
    }
}

mod sealed {
    pub trait Sealed {}
}

/// Private data whose VMAs map the memory of a device: [`Arc<DeviceMemory<R>>`](Arc). This trait is
/// sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no memory of a device",
    label = "the memory must end with the device",
    note = "say `type Data = Arc<DeviceMemory<..>>` in the operations"
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
        self.inode.open::<M>()
    }
}
