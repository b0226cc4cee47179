// SPDX-License-Identifier: GPL-2.0

//! An inode of its own for memory that is mapped, by which all mappings are found.
//!
//! Two device nodes of one device have two inodes, whose mappings are apart. So memory that is
//! unmapped everywhere in one call ([`Mappings`](super::mappings::Mappings)) has its own inode, and
//! each VMA that maps it a file of that (C: `drm_fs_inode_new()`, `vma_set_file()`). The file keeps
//! the module whose operations the VMA has: the one that `mmap()` was called with is dropped.

use crate::{
    bindings,
    error::from_err_ptr,
    fs::{
        File,
        LocalFile, //
    },
    module::this_module,
    prelude::*,
    sync::aref::ARef,
    ModuleMetadata, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};

/// An anonymous inode.
///
/// # Invariants
///
/// `file` is the first file of the inode, and in no descriptor table.
pub(super) struct MappingInode {
    file: ARef<File>,
}

/// Operations of a file that is only there to be mapped: none, but for their owner.
struct FileOps<M>(PhantomData<M>);

impl<M: ModuleMetadata> FileOps<M> {
    const OPS: bindings::file_operations = bindings::file_operations {
        owner: this_module::<M>().as_ptr(),
        ..pin_init::zeroed()
    };
}

impl MappingInode {
    /// Makes an inode.
    ///
    /// The file that comes with it keeps no module: the memory that owns it does not keep its
    /// driver from being unloaded. Its operations are those of the kernel, because it may be
    /// released after the driver.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `ENFILE`.
    // Not inlined: the operations must be in the kernel, not in a module.
    #[inline(never)]
    pub(super) fn new() -> Result<Self> {
        const NO_OPS: &bindings::file_operations = &pin_init::zeroed();

        // SAFETY: The name is a string, the operations are static.
        let file = from_err_ptr(unsafe {
            bindings::anon_inode_create_getfile(
                c"[device-memory]".as_char_ptr(),
                NO_OPS,
                core::ptr::null_mut(),
                bindings::O_RDWR as c_int,
                core::ptr::null(),
            )
        })?;

        // INVARIANT: The inode was made for the file.
        Ok(Self {
            // SAFETY: The reference is given to this.
            file: unsafe { owned_file(file) },
        })
    }

    /// The inode whose files have the `address_space` of this one, which is not in a descriptor
    /// table.
    #[cfg(CONFIG_DRM = "y")]
    pub(super) fn of(file: ARef<File>) -> Self {
        // INVARIANT: Any of its files will do as the first one.
        Self { file }
    }

    /// Returns the mappings by files of the inode.
    #[cfg(CONFIG_DRM = "y")]
    pub(super) fn address_space(&self) -> *mut bindings::address_space {
        // SAFETY: The file is open, and its mapping does not change.
        unsafe { (*self.file.as_ptr()).f_mapping }
    }

    /// Opens a file of the inode, which keeps the module `M` until it is released.
    ///
    /// To be called by code of that module, while it cannot be unloaded.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `ENFILE`.
    pub(super) fn open<M: ModuleMetadata>(&self) -> Result<ARef<File>> {
        self.open_with(const { &FileOps::<M>::OPS })
    }

    /// The same with operations that have an owner, and no functions.
    // Not inlined: `alloc_file_clone()` is not exported, so modules reach it through the crate.
    #[inline(never)]
    fn open_with(&self, fops: &'static bindings::file_operations) -> Result<ARef<File>> {
        // SAFETY: The file is open, and the operations are static.
        let file = from_err_ptr(unsafe {
            bindings::alloc_file_clone(self.file.as_ptr(), bindings::O_RDWR as c_int, fops)
        })?;

        // SAFETY: The module of the caller is there: it runs. `__fput()` drops the reference.
        unsafe { bindings::vma_module_get(fops.owner) };
        // SAFETY: The reference is given to this.
        Ok(unsafe { owned_file(file) })
    }

    /// Unmaps all pages of all VMAs that have a file of the inode (C: `unmap_mapping_range()`).
    pub(super) fn unmap_all(&self) {
        // SAFETY: The file is open. A length of zero means up to the end.
        unsafe { bindings::unmap_mapping_range((*self.file.as_ptr()).f_mapping, 0, 0, 1) };
    }
}

/// # Safety
///
/// `file` must be valid, in no descriptor table, and its reference be given to the caller.
pub(in super::super) unsafe fn owned_file(file: *mut bindings::file) -> ARef<File> {
    // SAFETY: Guaranteed by the caller: it is valid, and the reference is given to this. No task
    // has a descriptor of the file, so none has an `fdget_pos()` section.
    unsafe {
        let file = NonNull::new_unchecked(file).cast::<LocalFile>();
        LocalFile::assume_no_fdget_pos(ARef::from_raw(file))
    }
}
