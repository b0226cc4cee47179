// SPDX-License-Identifier: GPL-2.0

//! A file of a DRM device that its mappings have in the place of the one that they were made by.
//!
//! A DRM driver gives back what a client has when its file is released
//! (`drm_driver::postclose()`). A VMA keeps the file that it was mapped by, so a client that has
//! closed its file, but not unmapped an object, would keep all of that. So mappings may have an
//! anonymous file instead, as those of i915 do (C: `mmap_singleton()`). It has the `address_space`
//! of the device, in which the mappings of an object are found.

use super::super::memory::owned_file;
use crate::{
    bindings,
    error::from_err_ptr,
    fs::File,
    module::this_module,
    prelude::*,
    sync::aref::ARef,
    ModuleMetadata, //
};
use core::marker::PhantomData;

/// Operations of a file that is only there to be mapped.
struct FileOps<M>(PhantomData<M>);

impl<M: ModuleMetadata> FileOps<M> {
    const OPS: bindings::file_operations = bindings::file_operations {
        owner: this_module::<M>().as_ptr(),
        release: Some(release),
        ..pin_init::zeroed()
    };
}

/// Opens a file that keeps the device, and the module `M`, until it is released.
///
/// # Errors
///
/// `ENOMEM`, `ENFILE`.
///
/// # Safety
///
/// `dev` must be a valid DRM device.
pub(super) unsafe fn open<M: ModuleMetadata>(dev: *mut bindings::drm_device) -> Result<ARef<File>> {
    // SAFETY: Guaranteed by the caller: the device is valid.
    unsafe { open_with(dev, const { &FileOps::<M>::OPS }) }
}

/// Opens a file that keeps the device, but no module: who has the device sees to that.
///
/// # Errors
///
/// `ENOMEM`, `ENFILE`.
///
/// # Safety
///
/// As for [`open()`].
// Not inlined: the operations must be in the kernel, not in a module.
#[inline(never)]
pub(super) unsafe fn open_in_kernel(dev: *mut bindings::drm_device) -> Result<ARef<File>> {
    const OPS: &bindings::file_operations = &bindings::file_operations {
        release: Some(release),
        ..pin_init::zeroed()
    };

    // SAFETY: Guaranteed by the caller: the device is valid.
    unsafe { open_with(dev, OPS) }
}

/// The same with operations that have an owner, and [`release()`].
///
/// # Safety
///
/// As for [`open()`]. `fops` must be such operations.
// Not inlined: one copy, in the kernel.
#[inline(never)]
unsafe fn open_with(
    dev: *mut bindings::drm_device,
    fops: &'static bindings::file_operations,
) -> Result<ARef<File>> {
    // SAFETY: The name is a string, the operations are static. The file keeps their owner.
    let file = from_err_ptr(unsafe {
        bindings::anon_inode_getfile(
            c"[drm-object]".as_char_ptr(),
            fops,
            dev.cast(),
            bindings::O_RDWR as c_int,
        )
    })?;

    // SAFETY: Guaranteed by the caller: the device is valid, so it has an inode. `release()` puts
    // the reference. Nobody else has the file yet, and it is in no descriptor table.
    unsafe {
        bindings::drm_dev_get(dev);
        (*file).f_mapping = (*(*dev).anon_inode).i_mapping;
        Ok(owned_file(file))
    }
}

/// # Safety
///
/// To be called as `file_operations::release()`, of a file of [`open()`].
unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: Guaranteed by the caller: the data of the file is its device, to which it has a
    // reference.
    unsafe { bindings::drm_dev_put((*file).private_data.cast()) };
    0
}
