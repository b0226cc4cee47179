// SPDX-License-Identifier: GPL-2.0

//! The DRM device whose objects map some memory.
//!
//! All files of a DRM device have one `address_space`, and the VMAs of its objects are in that,
//! also if the objects are parts of memory that has an inode of its own. So the memory knows the
//! device, and its mappings end in both.

use super::mapping_inode::MappingInode;
use crate::{
    bindings,
    fs::File,
    prelude::*,
    static_lock_class,
    sync::{
        aref::ARef,
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        Mutex, //
    }, //
};
use core::ptr::null_mut;

/// The name of the lock for lockdep, see `mappings`.
static NAME: &CStr = c"Attached::inode";

/// A DRM device, or none yet.
///
/// # Invariants
///
/// `mappings` is null until there is an inode, and then for ever the mappings by its files. It is
/// written with `inode` locked.
#[pin_data]
pub(super) struct Attached {
    mappings: Atomic<*mut bindings::address_space>,
    #[pin]
    inode: Mutex<Option<MappingInode>>,
}

impl Attached {
    pub(super) fn new() -> impl PinInit<Self> {
        // INVARIANT: There is no inode.
        pin_init!(Self {
            mappings: Atomic::new(null_mut()),
            inode <- Mutex::new(None, NAME, static_lock_class!()),
        })
    }

    /// Attaches the device that `file` is of, and keeps, unless the memory is gone.
    ///
    /// # Errors
    ///
    /// `EBUSY` if another device is attached, `ENODEV` if the memory is gone.
    pub(super) fn attach(&self, file: ARef<File>, is_there: impl FnOnce() -> bool) -> Result {
        let new = MappingInode::of(file);
        let mappings = new.address_space();
        let mut inode = self.inode.lock();

        if !is_there() {
            return Err(ENODEV);
        }
        match &*inode {
            Some(old) if old.address_space() == mappings => Ok(()),
            Some(_) => Err(EBUSY),
            None => {
                // INVARIANT: The inode is locked, and gets the file whose mappings these are.
                self.mappings.store(mappings, Release);
                *inode = Some(new);
                Ok(())
            }
        }
    }

    /// Gives the device back. To be called when the memory is gone.
    pub(super) fn detach(&self) {
        let inode = self.inode.lock().take();
        // The last reference frees the device.
        drop(inode);
    }

    /// Returns `EINVAL` if these are not the mappings of the attached device, which
    /// [`unmap_all()`](Self::unmap_all) unmaps.
    ///
    /// To be called in a section of the memory's mappings, for a device that is there: whoever has
    /// not waited for the section then finds the device.
    #[inline]
    pub(super) fn check(&self, mappings: *mut bindings::address_space) -> Result {
        if self.mappings.load(Acquire) == mappings {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// Unmaps all mappings by the files of the device.
    pub(super) fn unmap_all(&self) {
        if let Some(inode) = &*self.inode.lock() {
            inode.unmap_all();
        }
    }
}
