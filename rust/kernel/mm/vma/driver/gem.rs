// SPDX-License-Identifier: GPL-2.0

//! GEM objects of DRM whose VMAs have the operations of the driver.
//!
//! For [shmem objects](crate::drm::gem::shmem) C does everything. A driver whose objects have other
//! memory implements [`MappableObject`].
//!
//! # Protocol of the C callers
//!
//! `drm_gem_object_funcs::mmap()` is called by `drm_gem_mmap_obj()` for the files of the device,
//! and by `drm_gem_prime_mmap()` for the file of a dma-buf, to which user space can export any
//! object:
//!
//! - They have taken a reference to the object. It is the VMA's if the function succeeds. If not,
//!   they put it.
//! - The private data of the VMA is the object: the one caller sets it before the call, the other
//!   one after it. So the object is the data, and the driver has no choice.
//! - The object is at least as large as the VMA, but the page offset can be changed by the hook,
//!   and the operations be given to VMAs of other files: faults check the page.
//! - The VMA must be `VM_DONTEXPAND`.
//!
//! The page offset of the VMA is a fake one: the range of the object in the offsets of the device
//! (C: `drm_vma_node_start()`), plus the page of the object. The files of all nodes of the device
//! and those of its dma-bufs share one `address_space` (C: `drm_device::anon_inode`), in which
//! `drm_vma_node_unmap()` finds the mappings of an object by these offsets. Offsets from the start
//! of the object would all begin at zero there, so that nothing could unmap one object alone. So
//! the fake offset stays, and [`Object::page_index()`] makes a page of it.
//!
//! C header: [`include/drm/drm_gem.h`](srctree/include/drm/drm_gem.h)

mod device_file;
mod frames_object;
mod object_kind;

pub use self::{
    frames_object::FramesObject,
    object_kind::ObjectKind, //
};

use super::{
    DmaBuf,
    Mapped,
    OperationsTable,
    SetupFlags,
    ShmemFile,
    ViaMmap,
    VmaOperations,
    VmaSetup, //
};
use crate::{
    bindings,
    drm::{
        self,
        gem::{
            BaseObject,
            DriverObject,
            IntoGEMObject,
            Object, //
        }, //
    },
    mm::vma::{
        order::{
            After,
            IMmapLock,
            LockClass, //
        },
        LockOrder, //
    },
    page::{
        PAGE_MASK,
        PAGE_SHIFT, //
    },
    prelude::*,
    sync::aref::ARef, //
};
use core::ptr::NonNull;

/// The kind of the VMAs that map an object of the type `T`.
type KindOf<T> = <<T as MappableObject>::Ops as VmaOperations>::PageKind;

/// The setup of a VMA that maps an object of the type `T`.
type SetupOf<'a, T> = VmaSetup<'a, <KindOf<T> as ObjectKind>::Chosen>;

/// A GEM object that user space maps, with the operations of the driver.
///
/// Such an object is made by [`Object::new_mappable()`]. User space gets the offset at which it
/// maps it from [`BaseObject::create_mmap_offset()`].
pub trait MappableObject: DriverObject {
    /// The operations of the VMAs that map an object, which is their data.
    type Ops: OperationsTable<Data = ARef<Object<Self>>, Hook = ViaMmap, PageKind: ObjectKind>;

    /// Sets up a new VMA that maps the object (C: `drm_gem_object_funcs::mmap()`).
    ///
    /// It is `VM_DONTEXPAND` already, and gets the operations when this has succeeded. The kind is
    /// chosen here, unless it is `DeviceMap` ([`FramesObject`]): then a VMA is refused afterwards
    /// that is private and could become writable (`EINVAL`).
    ///
    /// Context: the mmap write lock.
    fn mmap_setup<'a>(obj: &'a Object<Self>, vma: VmaSetup<'a>) -> Result<SetupOf<'a, Self>>;

    /// Returns the file that the VMAs of this object map, if they have not the operations of the
    /// driver.
    ///
    /// Such a VMA keeps that file, not the object. Its page offset is that of the file, in whose
    /// `address_space` it is, so [`Object::unmap_mappings()`] does not find it.
    ///
    /// Called once for each new VMA, in place of [`mmap_setup()`](Self::mmap_setup) if it returns a
    /// file. Context: the mmap write lock.
    fn mmap_file(_obj: &Object<Self>) -> Option<ObjectFile<'_>> {
        None
    }

    /// Returns whether a VMA that maps this object keeps the file that it was mapped by, as in most
    /// drivers.
    ///
    /// Otherwise it keeps the device by a file of its own, and what the driver has for the client
    /// is given back when the client closes its file, mapped or not. The mapping is then one of the
    /// device, also if it was made through a dma-buf or [`Object::mmap()`].
    ///
    /// Called once for each new VMA, before [`mmap_setup()`](Self::mmap_setup), unless such a VMA
    /// has a file of the device in any case ([`FramesObject`]). Context: the mmap write lock.
    fn keeps_file(_obj: &Object<Self>) -> bool {
        true
    }
}

/// A file that is mapped in the place of a GEM object.
pub enum ObjectFile<'a> {
    /// A file of shmem, from the page of the object on that user space maps.
    Shmem(&'a ShmemFile),

    /// The buffer of another driver, whose import the object is.
    ///
    /// Through a dma-buf of the object it is not mapped, but `EINVAL` returned: C would write the
    /// object into the private data that the exporter has given the VMA. And user space could make
    /// objects import each other, so that one call of `mmap()` never ends.
    DmaBuf(&'a DmaBuf),
}

// SAFETY: A GEM object is counted, and freed by the task that drops the last reference, whichever
// that is. The driver's part of it is `Send`.
unsafe impl<T: DriverObject> Send for Object<T> {}

// SAFETY: What a shared reference gives access to are functions of C that lock, the fields that are
// never written after the object was made, and the driver's part, which is `Sync`.
unsafe impl<T: DriverObject> Sync for Object<T> {}

impl<T: MappableObject> Object<T> {
    const FUNCS: bindings::drm_gem_object_funcs = Self::funcs_with_mmap(mmap::<T>);

    const MAPPABLE_FUNCS: bindings::drm_gem_object_funcs = bindings::drm_gem_object_funcs {
        free: Some(free::<T>),
        ..Self::FUNCS
    };

    /// Makes a GEM object that user space can map.
    ///
    /// It has its range in the offsets of the device from now on, and keeps the device: a mapping
    /// of another file may be all that is left of it. So the device's own data must not have it, or
    /// both stay for ever. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `size` is zero or no multiple of the page size; `ENOMEM`; `ENOSPC` if the device
    /// has no such range left; that of [`DriverObject::new()`].
    #[doc(alias = "drm_gem_object_init")]
    pub fn new_mappable(
        dev: &drm::Device<T::Driver>,
        size: usize,
        args: T::Args,
    ) -> Result<ARef<Self>> {
        // `drm_gem_private_object_init()` has a `BUG_ON()`.
        if size == 0 || size & !PAGE_MASK != 0 {
            return Err(EINVAL);
        }
        let obj = Self::new(dev, size, args)?;

        // SAFETY: The object has no handle, so nobody uses its functions yet. They are static. They
        // put the reference to the device.
        unsafe {
            bindings::drm_dev_get((*IntoGEMObject::as_raw(&*obj)).dev);
            (*IntoGEMObject::as_raw(&*obj)).funcs = const { &Self::MAPPABLE_FUNCS };
        }

        // Now, so that no mapping can be older than the range, which is zero before.
        obj.create_mmap_offset()?;
        Ok(obj)
    }

    /// Returns the page of the object that the page offset of its mappings is, such as
    /// [`Fault::pgoff()`](super::Fault::pgoff).
    ///
    /// Returns `None` if it is not one of the object: in a VMA whose offset the hook has changed,
    /// or of another file.
    #[doc(alias = "drm_vma_node_start")]
    #[inline]
    pub fn page_index(&self, pgoff: usize) -> Option<usize> {
        let index = pgoff.checked_sub(self.first_offset())?;
        (index < self.size() >> PAGE_SHIFT).then_some(index)
    }

    /// Maps the object in the hook of another file of its driver, from the page on that the offset
    /// in that file is (C: `drm_gem_mmap_obj()`).
    ///
    /// The hook of the object sets up the VMA, as for the file of its device, but the mapping is
    /// one of the other file, unless the object leaves that
    /// ([`keeps_file()`](MappableObject::keeps_file)): [`unmap_mappings()`](Self::unmap_mappings)
    /// does not find it. If it is the last that keeps the object, and this the device, both go
    /// under the mmap lock when it is unmapped.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the object has fewer pages, or was not made by
    /// [`new_mappable()`](Self::new_mappable); that of the hook.
    #[doc(alias = "drm_gem_mmap_obj")]
    pub fn mmap<'a>(&'a self, mut vma: VmaSetup<'a>) -> Result<Mapped<'a>> {
        let (first, pages) = (vma.pgoff(), vma.page_count());
        let end = first.checked_add(pages).ok_or(EINVAL)?;
        if end > self.size() >> PAGE_SHIFT || !self.is_mappable() {
            return Err(EINVAL);
        }

        vma.set_pgoff(self.first_offset().wrapping_add(first))?;
        set_up(self, vma, false)
    }

    /// Unmaps the pages of the object from all mappings of all processes (C:
    /// `drm_vma_node_unmap()`).
    ///
    /// The next access to them faults. Private copies of pages stay. May sleep: takes the
    /// reverse-mapping lock of the device's files, so VMA locks and the mmap lock may be held.
    #[doc(alias = "drm_vma_node_unmap")]
    #[doc(alias = "unmap_mapping_range")]
    pub fn unmap_mappings<H: LockClass>(&self, _order: &mut LockOrder<'_, H>)
    where
        IMmapLock: After<H>,
    {
        // Such an object has no mappings.
        if !self.is_mappable() {
            return;
        }
        let begin = self.first_offset() << PAGE_SHIFT;

        // SAFETY: The object keeps its device, and so the inode of that, and has a range. That is
        // not empty, and neither it nor the size overflows: a file of the size was made.
        unsafe {
            let inode = (*(*IntoGEMObject::as_raw(self)).dev).anon_inode;
            bindings::unmap_mapping_range((*inode).i_mapping, begin as i64, self.size() as i64, 0);
        }
    }

    /// Returns whether `new_mappable()` has made the object, so that it has a range, and keeps its
    /// device.
    fn is_mappable(&self) -> bool {
        // SAFETY: The object is valid. Its functions are static, and were not changed after it was
        // shared.
        unsafe { (*(*IntoGEMObject::as_raw(self)).funcs).mmap.is_some() }
    }

    #[inline]
    fn first_offset(&self) -> usize {
        let obj = IntoGEMObject::as_raw(self);
        // SAFETY: The object is valid. `new_mappable()` has written the start before the object was
        // shared; one that was made by `new()` may get it now, hence volatile.
        unsafe { (&raw const (*obj).vma_node.vm_node.start).read_volatile() as usize }
    }
}

/// # Safety
///
/// To be called as `drm_gem_object_funcs::free()`, for an object that [`Object::new_mappable()`]
/// has made.
unsafe extern "C" fn free<T: MappableObject>(obj: *mut bindings::drm_gem_object) {
    // SAFETY: The object is there until the next call, which frees it, and needs its device. Then
    // the reference of `new_mappable()` is put.
    unsafe {
        let dev = (*obj).dev;
        if let Some(free) = Object::<T>::FUNCS.free {
            free(obj);
        }
        bindings::drm_dev_put(dev);
    }
}

/// # Safety
///
/// To be called as `drm_gem_object_funcs::mmap()`, for an object that [`Object::new_mappable()`]
/// has made.
unsafe extern "C" fn mmap<T: MappableObject>(
    obj: *mut bindings::drm_gem_object,
    vma: *mut bindings::vm_area_struct,
) -> c_int {
    // SAFETY: The VMA is in the mmap function, which shows it to nobody. `drm_gem_mmap_obj()` has
    // set its data to the object; `drm_gem_prime_mmap()` sets it when this has succeeded.
    let sets_data_later = unsafe { (*vma).vm_private_data != obj.cast() };

    // SAFETY: The object is one of `new_mappable()`, so it is an `Object<T>`. The caller has a
    // reference.
    let obj: &Object<T> = unsafe { IntoGEMObject::from_raw(obj) };

    // SAFETY: This is called once in the mmap function of a file, which returns the result. The
    // object and the VMA are there until then. `drm_gem_prime_mmap()` sets the data of a VMA that
    // has it already, or is one of shmem, which has no use for it.
    unsafe {
        VmaSetup::run_hook_in_c(vma, |vma| {
            let mapped = set_up(obj, vma, sets_data_later)?;

            // SAFETY: The caller has taken it for the VMA, which has what it needs, and puts it
            // only if this fails, which it cannot do from here on.
            drop(ARef::from_raw(NonNull::from(obj)));
            Ok(mapped)
        })
    }
}

/// Sets up a VMA whose page offset is one of the object.
fn set_up<'a, T: MappableObject>(
    obj: &'a Object<T>,
    mut vma: VmaSetup<'a>,
    sets_data_later: bool,
) -> Result<Mapped<'a>> {
    vma.set_flags(SetupFlags::DONTEXPAND);
    if let Some(file) = T::mmap_file(obj) {
        let first = obj.page_index(vma.pgoff()).ok_or(EINVAL)?;
        return match file {
            ObjectFile::Shmem(file) => vma.map_shmem(file, first),
            ObjectFile::DmaBuf(_) if sets_data_later => Err(EINVAL),
            ObjectFile::DmaBuf(buf) => vma.map_dma_buf(buf, first),
        };
    }

    let needs_file = KindOf::<T>::IS_OF_DEVICE || !T::keeps_file(obj);
    let file = needs_file.then(|| {
        // SAFETY: The object has its device.
        unsafe {
            let dev = (*IntoGEMObject::as_raw(obj)).dev;
            device_file::open::<<T::Ops as VmaOperations>::OwnerModule>(dev)
        }
    });
    let file = file.transpose()?;

    let mut vma = T::mmap_setup(obj, vma)?;
    if let Some(file) = file {
        // SAFETY: The file keeps the module of the operations, and is anonymous: neither of hugetlb
        // nor on DAX, and not sealed.
        unsafe { vma.set_file(&file) };
    }

    // SAFETY: It has a file of the device, if its kind is one of device memory, and gets the
    // object.
    let vma = unsafe { KindOf::<T>::choose(vma) }?;
    Ok(vma.with_ops::<T::Ops>(obj.into()))
}
