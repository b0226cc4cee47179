// SPDX-License-Identifier: GPL-2.0

//! The mmap hook of the files of a DRM device.
//!
//! A GEM object has a range in the offsets of its device, at which user space maps it. A driver may
//! have other memory, such as registers, at offsets that no object has: below
//! `DRM_FILE_PAGE_OFFSET_START`. Then it implements
//! [`Driver::mmap_setup()`](drm::Driver::mmap_setup), which is asked first.
//!
//! # Protocol of the C callers
//!
//! The function is called for the file of a device node by `vfs_mmap()`, and by
//! `drm_gem_prime_mmap()` for objects without a function of their own, with a file that this makes
//! up: it was not opened, so it has no part of the driver. Only the offset of the object is meant
//! there, and the driver is not asked.
//!
//! The file keeps the module of the driver, and all objects of the device are the driver's.
//!
//! C header: [`include/drm/drm_gem.h`](srctree/include/drm/drm_gem.h)

use crate::{
    bindings,
    drm::{
        self,
        Driver, //
    },
    mm::vma::driver::{
        Mapped,
        VmaSetup, //
    },
    prelude::*, //
};

/// The memory that a file of a DRM device maps, as said by
/// [`Driver::mmap_setup()`](drm::Driver::mmap_setup).
pub enum FileMapping<'a> {
    /// Memory of the driver, which has set up the VMA.
    Own(Mapped<'a>),

    /// The GEM object that has the page offset of the VMA (C: `drm_gem_mmap()`).
    ///
    /// `mmap()` fails with `EINVAL` if there is none, and with `EACCES` if the file has no handle
    /// of it.
    Object(VmaSetup<'a>),
}

/// Returns file operations that ask the driver first, if it has the hook.
pub(super) const fn with_hook<T: Driver>(
    mut fops: bindings::file_operations,
) -> bindings::file_operations {
    if T::HAS_MMAP_SETUP {
        fops.mmap = Some(mmap::<T>);
    }
    fops
}

/// # Safety
///
/// To be called as `file_operations::mmap()`, for a file of a device of the driver `T`, or one that
/// `drm_gem_prime_mmap()` has made up.
unsafe extern "C" fn mmap<T: Driver>(
    filp: *mut bindings::file,
    vma: *mut bindings::vm_area_struct,
) -> c_int {
    // SAFETY: This is the private data of both kinds of files.
    let file = unsafe { (*filp).private_data }.cast::<bindings::drm_file>();

    // SAFETY: The file is there, and keeps its minor number and its device.
    let (device, inner) = unsafe { ((*(*file).minor).dev, (*file).driver_priv) };
    if inner.is_null() {
        // SAFETY: This is the function in whose place this one is.
        return unsafe { bindings::drm_gem_mmap(filp, vma) };
    }

    // SAFETY: The device is one of the driver `T`. `drm_file::driver_priv` was set when the file
    // was opened, and is there until it is released. The VMA is new.
    unsafe {
        let device = drm::Device::<T>::from_raw(device);
        let file = drm::File::<T::File>::from_raw(file);

        VmaSetup::run_hook(vma, |vma| match T::mmap_setup(device, file, vma)? {
            FileMapping::Own(mapped) => Ok(mapped),
            // The object gives the VMA its operations by `run_hook_in_c()`, or they are those of C.
            FileMapping::Object(vma) => vma.finish_in_c(|vma| bindings::drm_gem_mmap(filp, vma)),
        })
    }
}
