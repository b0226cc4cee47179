// SPDX-License-Identifier: GPL-2.0

//! Userspace ABI of `/dev/rust-vma-drm`, and of the DRM devices that it makes.
//!
//! A file of it has no DRM device at first. [`PLUG_NR`] makes one, which exists until
//! [`UNPLUG_NR`], or until the file is released. Mappings of its objects stay.
//!
//! The file does not use the `kernel` crate, so user space includes it too.

use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes, //
};

/// The type of the ioctls' numbers of `/dev/rust-vma-drm`.
pub(crate) const IOC_TYPE: u8 = b'|';

/// Makes a DRM device: `_IOWR(IOC_TYPE, PLUG_NR, Plug)`.
///
/// `EBUSY` if the file has one.
pub(crate) const PLUG_NR: u8 = 0xe0;

/// Unplugs the device of the file. `_IO(IOC_TYPE, UNPLUG_NR)`.
///
/// `ENODEV` if it has none.
pub(crate) const UNPLUG_NR: u8 = 0xe1;

/// Writes a [`Stats`]: `_IOR(IOC_TYPE, STATS_NR, Stats)`.
pub(crate) const STATS_NR: u8 = 0xe2;

/// The DRM device to make.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Plug {
    /// [`KIND_SHMEM`], [`KIND_PAGES`] or [`KIND_FRAMES`].
    pub(crate) kind: u64,
    /// The number of the device, which its ioctl [`DRM_GET_ID`] returns. Written by the driver.
    pub(crate) id: u64,
}

/// Its objects are shmem objects, with write-combined pages.
pub(crate) const KIND_SHMEM: u64 = 0;

/// Its objects have pages of the driver.
pub(crate) const KIND_PAGES: u64 = 1;

/// Its objects have page frames of the driver. Their mappings cannot be changed by `mprotect()`:
/// `EACCES`.
pub(crate) const KIND_FRAMES: u64 = 2;

/// Numbers of things that exist, and of events, of all devices.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Stats {
    /// Objects.
    pub(crate) objects: u64,
    /// Pages that objects with pages of the driver have.
    pub(crate) pages: u64,
    /// VMAs of objects but those of shmem that were made.
    pub(crate) made: u64,
    /// VMAs of such objects that are gone.
    pub(crate) dropped: u64,
    /// DRM devices that are plugged in.
    pub(crate) devices: u64,
    /// Faults on such objects.
    pub(crate) faults: u64,
}

/// Makes an object. `DRM_IOWR(DRM_COMMAND_BASE + DRM_CREATE, Create)`.
pub(crate) const DRM_CREATE: u8 = 0;

/// Unmaps an object with pages or page frames of the driver from all processes:
/// [`Create::handle`] is the object.
/// `DRM_IOWR(DRM_COMMAND_BASE + DRM_UNMAP, Create)`.
///
/// `EOPNOTSUPP` for a shmem object.
pub(crate) const DRM_UNMAP: u8 = 1;

/// Returns the number of the device as [`Create::offset`].
/// `DRM_IOWR(DRM_COMMAND_BASE + DRM_GET_ID, Create)`.
pub(crate) const DRM_GET_ID: u8 = 2;

/// Replaces the page frames of an object by zeroed ones: [`Create::handle`] is the object.
/// `DRM_IOWR(DRM_COMMAND_BASE + DRM_DISCARD, Create)`.
///
/// `EINVAL` for devices with other objects.
pub(crate) const DRM_DISCARD: u8 = 3;

/// The argument of the DRM ioctls.
///
/// It has the layout of `struct drm_mode_map_dumb`, because `declare_drm_ioctls!` takes structures
/// of the kernel's UAPI only.
#[repr(C)]
#[derive(Clone, Copy, FromBytes, Immutable, IntoBytes)]
pub(crate) struct Create {
    /// The handle of the object.
    pub(crate) handle: u32,
    /// The size of the new object, in pages, from 1 to [`MAX_PAGES`] (`pad`).
    pub(crate) pages: u32,
    /// The offset at which user space maps the object.
    pub(crate) offset: u64,
}

/// The largest object, in pages.
pub(crate) const MAX_PAGES: u32 = 1024;
