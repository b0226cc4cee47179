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

use super::{
    OperationsTable,
    SetupFlags,
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

/// The setup of a VMA that maps an object of the type `T`.
type SetupOf<'a, T> = VmaSetup<'a, <<T as MappableObject>::Ops as VmaOperations>::PageKind>;

/// A GEM object that user space maps, with the operations of the driver.
///
/// Such an object is made by [`Object::new_mappable()`]. User space gets the offset at which it
/// maps it from [`BaseObject::create_mmap_offset()`].
pub trait MappableObject: DriverObject {
    /// The operations of the VMAs that map an object, which is their data.
    type Ops: OperationsTable<Data = ARef<Object<Self>>, Hook = ViaMmap>;

    /// Sets up a new VMA that maps the object (C: `drm_gem_object_funcs::mmap()`).
    ///
    /// It is `VM_DONTEXPAND` already, and gets the operations when this has succeeded.
    ///
    /// Context: the mmap write lock.
    fn mmap_setup<'a>(obj: &'a Object<Self>, vma: VmaSetup<'a>) -> Result<SetupOf<'a, Self>>;
}

// SAFETY: A GEM object is counted, and freed by the task that drops the last reference, whichever
// that is. The driver's part of it is `Send`.
unsafe impl<T: DriverObject> Send for Object<T> {}

// SAFETY: What a shared reference gives access to are functions of C that lock, the fields that are
// never written after the object was made, and the driver's part, which is `Sync`.
unsafe impl<T: DriverObject> Sync for Object<T> {}

impl<T: MappableObject> Object<T> {
    const MAPPABLE_FUNCS: bindings::drm_gem_object_funcs = Self::funcs_with_mmap(mmap::<T>);

    /// Makes a GEM object that user space can map.
    ///
    /// It has its range in the offsets of the device from now on. May sleep.
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

        // SAFETY: The object has no handle, so nobody uses its functions yet. They are static.
        unsafe { (*IntoGEMObject::as_raw(&*obj)).funcs = const { &Self::MAPPABLE_FUNCS } };

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
        let begin = self.first_offset() << PAGE_SHIFT;
        // `new()` has made it, and it has no range.
        if begin == 0 {
            return;
        }

        // SAFETY: The device is there for as long as the object, and so is its inode. The range is
        // not empty, and neither it nor the size overflows: a file of the size was made.
        unsafe {
            let inode = (*(*IntoGEMObject::as_raw(self)).dev).anon_inode;
            bindings::unmap_mapping_range((*inode).i_mapping, begin as i64, self.size() as i64, 0);
        }
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
/// To be called as `drm_gem_object_funcs::mmap()`, for an object that [`Object::new_mappable()`]
/// has made.
unsafe extern "C" fn mmap<T: MappableObject>(
    obj: *mut bindings::drm_gem_object,
    vma: *mut bindings::vm_area_struct,
) -> c_int {
    // SAFETY: The object is one of `new_mappable()`, so it is an `Object<T>`. The caller has a
    // reference, and the VMA gets another one.
    let obj: &Object<T> = unsafe { IntoGEMObject::from_raw(obj) };

    // SAFETY: This is called once in the mmap function of a file, which returns the result. The
    // object and the VMA are there until then.
    unsafe {
        VmaSetup::run_hook_in_c(vma, |mut vma| {
            vma.set_flags(SetupFlags::DONTEXPAND);
            let vma = T::mmap_setup(obj, vma)?;

            // SAFETY: The caller has taken the reference, for the VMA, and puts it only if this
            // fails, which it cannot do from here on.
            let obj = ARef::from_raw(NonNull::from(obj));
            Ok(vma.with_ops::<T::Ops>(obj))
        })
    }
}
