// SPDX-License-Identifier: GPL-2.0

//! The typed mmap hooks, for the file operations of a subsystem.

use super::super::{
    Mapped,
    Prepared,
    VmaDesc,
    VmaSetup, //
};
use crate::{
    bindings,
    fs::File,
    prelude::*,
    types::ForeignOwnable, //
};

/// A subsystem's file operations that have a typed mmap hook.
///
/// A driver does not implement this: it implements the hook of the subsystem's trait, which the
/// subsystem calls by this.
///
/// # Safety
///
/// While a file is open whose operations were made by [`with_mmap_hooks()`] for this type, its
/// `private_data` must be what `Ptr::into_foreign()` returned, and must not be taken back or be
/// borrowed mutably. Its mmap functions must not be called with an `fdget_pos()` section on it.
pub unsafe trait MmapHooks {
    /// The private data of a file.
    type Ptr: ForeignOwnable + Send + Sync;

    /// True if there is a hook `.mmap`.
    const HAS_MMAP_SETUP: bool;

    /// True if there is a hook `.mmap_prepare`.
    const HAS_MMAP_PREPARE: bool;

    /// The hook `.mmap`, with the new VMA to set up (C: `file_operations::mmap()`).
    fn mmap_setup<'a>(
        data: <Self::Ptr as ForeignOwnable>::Borrowed<'a>,
        file: &'a File,
        vma: VmaSetup<'a>,
    ) -> Result<Mapped<'a>>;

    /// The hook `.mmap_prepare`, before there is a VMA (C: `file_operations::mmap_prepare()`).
    fn mmap_prepare<'a>(
        data: <Self::Ptr as ForeignOwnable>::Borrowed<'a>,
        file: &'a File,
        desc: VmaDesc<'a>,
    ) -> Result<Prepared<'a>>;
}

/// Returns file operations with the hook of `T`.
///
/// Fails to compile if there is another mmap hook already.
pub const fn with_mmap_hooks<T: MmapHooks>(
    mut fops: bindings::file_operations,
) -> bindings::file_operations {
    let hooks = fops.mmap.is_some() as u8
        + fops.mmap_prepare.is_some() as u8
        + T::HAS_MMAP_SETUP as u8
        + T::HAS_MMAP_PREPARE as u8;
    assert!(hooks <= 1, "a file has one mmap hook at most");

    if T::HAS_MMAP_SETUP {
        fops.mmap = Some(mmap::<T>);
    }
    if T::HAS_MMAP_PREPARE {
        fops.mmap_prepare = Some(mmap_prepare::<T>);
    }
    fops
}

/// # Safety
///
/// To be called by `vfs_mmap()`, for a file with the operations of `T`.
unsafe extern "C" fn mmap<T: MmapHooks>(
    file: *mut bindings::file,
    vma: *mut bindings::vm_area_struct,
) -> c_int {
    // SAFETY: The file is open, so its private data is that of `T`, and stays until it is released.
    // The caller has a reference to the file until `mmap()` is done. There is no `fdget_pos()`
    // section on the file. The VMA is new.
    unsafe {
        let data = <T::Ptr as ForeignOwnable>::borrow((*file).private_data);
        let file = File::from_raw_file(file);
        VmaSetup::run_hook(vma, |vma| T::mmap_setup(data, file, vma))
    }
}

/// # Safety
///
/// To be called by `vfs_mmap_prepare()`, for a file with the operations of `T`.
unsafe extern "C" fn mmap_prepare<T: MmapHooks>(desc: *mut bindings::vm_area_desc) -> c_int {
    // SAFETY: As in `mmap()`.
    unsafe {
        let file = (*desc).file;
        let data = <T::Ptr as ForeignOwnable>::borrow((*file).private_data);
        let file = File::from_raw_file(file);
        VmaDesc::run_hook(desc, |desc| T::mmap_prepare(data, file, desc))
    }
}
