// SPDX-License-Identifier: GPL-2.0

//! GEM objects whose VMAs map page frames.
//!
//! Their memory can be taken away while they are mapped: by the object itself
//! ([`Object::unmap_mappings()`]), by the one who replaces it, and when the device of it goes away.
//! The first finds the mappings by the offsets of the object in the files of the DRM device, so all
//! VMAs have such a file ([`device_file`]). The others unmap all mappings by these files
//! (`drm_dev_unplug()` does so, too), for which the memory has to know the device.

use super::{
    super::{
        memory::device_backed,
        DeviceBacked,
        DeviceMemory,
        FoundFrame,
        FrameSlots,
        Frames,
        HasFrames,
        LendsFrames, //
    },
    device_file,
    MappableObject, //
};
use crate::{
    bindings,
    drm::{
        self,
        gem::{
            IntoGEMObject,
            Object, //
        }, //
    },
    fs::File,
    mm::vma::PageProt,
    prelude::*,
    sync::aref::ARef,
    ModuleMetadata, //
};
use core::ops::Deref;

/// A GEM object whose VMAs map page frames, with operations of the kind
/// [`DeviceMap`](super::super::DeviceMap).
///
/// Faults map them ([`Fault::insert_pfn()`](super::super::Fault::insert_pfn)), by the numbers that
/// they have in the memory of the object. A VMA that maps it has a file of the device, whatever
/// [`keeps_file()`](MappableObject::keeps_file) says, and its protection cannot be changed
/// (`mprotect()`: `EACCES`), as the memory can be replaced by one of another memory type.
///
/// # Examples
///
/// An object that is a part of the memory of a device, which was attached to the DRM device:
///
/// ```
/// # #![cfg(all(CONFIG_DRM = "y", CONFIG_PCI))]
/// use kernel::{
///     drm::{
///         self,
///         gem::{DriverObject, Object}, //
///     },
///     mm::vma::driver::{
///         DeviceMap, DeviceMemory, Fault, FaultOutcome, FramesObject, LendsFrames,
///         MappableObject, ViaMmap, VmaOperations, VmaSetup, //
///     },
///     pci,
///     prelude::*,
///     sync::{aref::ARef, Arc}, //
/// };
///
/// /// The memory from a frame on.
/// struct Part {
///     vram: Arc<DeviceMemory<pci::DevresBar>>,
///     first: usize,
/// }
/// # struct File;
/// # impl drm::file::DriverFile for File {
/// #     type Driver = Driver;
/// #     fn open(_device: &drm::Device<Driver>) -> Result<Pin<KBox<Self>>> {
/// #         Err(ENODEV)
/// #     }
/// # }
/// # struct Driver;
/// # #[vtable]
/// # impl drm::Driver for Driver {
/// #     type Data = ();
/// #     type RegistrationData<'a> = ();
/// #     type File = File;
/// #     type Object = Object<Part>;
/// #     type ParentDevice<Ctx: kernel::device::DeviceContext> = pci::Device<Ctx>;
/// #     const INFO: drm::DriverInfo = drm::DriverInfo {
/// #         major: 0,
/// #         minor: 0,
/// #         patchlevel: 0,
/// #         name: c"sample",
/// #         desc: c"sample",
/// #     };
/// #     const IOCTLS: &'static [drm::ioctl::DrmIoctlDescriptor] = &[];
/// # }
/// # impl DriverObject for Part {
/// #     type Driver = Driver;
/// #     type Args = Part;
/// #     fn new(_: &drm::Device<Driver>, _: usize, part: Part) -> impl PinInit<Self, Error> {
/// #         Ok(part)
/// #     }
/// # }
///
/// impl MappableObject for Part {
///     type Ops = Ops;
///
///     fn mmap_setup<'a>(_: &'a Object<Self>, vma: VmaSetup<'a>) -> Result<VmaSetup<'a>> {
///         Ok(vma)
///     }
/// }
///
/// impl FramesObject for Part {
///     fn frames(object: &Object<Self>) -> &dyn LendsFrames {
///         &*object.vram
///     }
/// }
///
/// struct Ops;
/// kernel::vm_operations!(Ops);
///
/// #[vtable]
/// impl VmaOperations for Ops {
///     type Data = ARef<Object<Part>>;
///     type PageKind = DeviceMap;
///     type Hook = ViaMmap;
///
///     fn fault<'a>(fault: Fault<'a, Self>) -> FaultOutcome<'a> {
///         let object = fault.data();
///         match object.page_index(fault.pgoff()) {
///             Some(page) => {
///                 let frame = object.first + page;
///                 fault.insert_pfn(frame)
///             }
///             None => fault.sigbus(),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a GEM object of `{Self}` has no page frames",
    label = "no memory that a VMA of the kind `DeviceMap` could map",
    note = "implement `FramesObject` for it, or say `type PageKind = Plain` in the operations"
)]
pub trait FramesObject: MappableObject {
    /// Returns the memory of the object.
    ///
    /// It can be another one each time: called in each fault that maps a frame.
    ///
    /// Context: the mmap lock or the VMA lock, for reading.
    fn frames(obj: &Object<Self>) -> &dyn LendsFrames;
}

impl<T: FramesObject> Object<T> {
    /// Returns the device, which is valid: `EINVAL` if the object does not keep it, because it was
    /// not made by `new_mappable()`.
    #[inline]
    fn device(&self) -> Result<*mut bindings::drm_device> {
        if !self.is_mappable() {
            return Err(EINVAL);
        }
        // SAFETY: The object is valid.
        Ok(unsafe { (*IntoGEMObject::as_raw(self)).dev })
    }

    /// Returns the mappings by the files of the device.
    #[inline]
    fn mappings(&self) -> Result<*mut bindings::address_space> {
        let dev = self.device()?;
        // SAFETY: The device is valid, and keeps its inode.
        Ok(unsafe { (*(*dev).anon_inode).i_mapping })
    }
}

// SAFETY: All VMAs with such data have a file of the object's device (`open_file()`), and have a
// share of the object.
//
// `frames()` is not told how long it lends the object for, and lifetimes do not change what a
// function does. So what it returns is there for as long as the object is borrowed at most, which
// can be as long as the VMA has its share. An entry thus may stay until the owner of the frame
// takes away all mappings of the device, or the VMA is unmapped: the contract of `lend()`.
unsafe impl<T: FramesObject> HasFrames for ARef<Object<T>> {
    const STAY: bool = false;
    const MAY_DIFFER: bool = true;

    #[inline]
    fn find<'a>(
        data: Self::Borrowed<'a>,
        frame: usize,
    ) -> Result<FoundFrame<impl Deref<Target = Frames> + 'a>> {
        let mappings = data.mappings()?;
        T::frames(data).lend(frame, mappings)
    }

    #[inline]
    fn types_differ(_data: Self::Borrowed<'_>) -> bool {
        true
    }

    #[inline]
    fn vma_prot(&self, prot: PageProt) -> PageProt {
        prot
    }
}

impl<T: FramesObject> device_backed::Sealed for ARef<Object<T>> {}

impl<T: FramesObject> DeviceBacked for ARef<Object<T>> {
    fn open_file<M: ModuleMetadata>(&self) -> Result<ARef<File>> {
        let dev = self.device()?;
        // SAFETY: The device is valid.
        unsafe { device_file::open::<M>(dev) }
    }
}

impl<R: Send + Sync + 'static> DeviceMemory<R> {
    /// Lets the GEM objects of a DRM device map the memory, as [`FramesObject`]s.
    ///
    /// From now on [`suspend()`](Self::suspend), [`resume()`](Self::resume) and unbinding the
    /// device unmap all mappings by the files of the DRM device, not only those of this memory: the
    /// others fault again, and those that cannot are gone. The memory keeps the DRM device, until
    /// the device that it is of is unbound.
    ///
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it is attached to another one; `ENODEV` if the device of the memory is unbound;
    /// `ENOMEM`, `ENFILE`.
    pub fn attach_drm<D: drm::Driver>(&self, dev: &drm::Device<D>) -> Result {
        // SAFETY: The device is valid.
        self.attach(unsafe { device_file::open_in_kernel(dev.as_raw()) }?)
    }
}

impl<U> FrameSlots<U> {
    /// Lets the GEM objects of a DRM device map the slots, as [`FramesObject`]s.
    ///
    /// From now on [`replace()`](Self::replace) unmaps all mappings by the files of the DRM device,
    /// not only those of the slots: the others fault again, and those that cannot are gone. The
    /// slots keep the DRM device, so the device's own data must not have them, or both stay for
    /// ever.
    ///
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `EBUSY` if they are attached to another one; `ENOMEM`, `ENFILE`.
    pub fn attach_drm<D: drm::Driver>(&self, dev: &drm::Device<D>) -> Result {
        // SAFETY: The device is valid.
        self.attach(unsafe { device_file::open_in_kernel(dev.as_raw()) }?)
    }
}
