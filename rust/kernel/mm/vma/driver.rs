// SPDX-License-Identifier: GPL-2.0

//! VMAs that a driver owns: set up in its mmap hook, served by its operations.
//!
//! # How the parts fit together
//!
//! - The driver implements [`VmaOperations`], and gives the operations their table with
//!   [`vm_operations!`](crate::vm_operations).
//! - Its mmap hook gets a new VMA to set up: a [`VmaSetup`] in `.mmap`, a [`VmaDesc`] in
//!   `.mmap_prepare`. It clears permissions, chooses the [`kind`] of pages, and ends with the
//!   operations and their [private data](PrivateData).
//! - From then on the VMA is known by the address of that table. [`Vma::downcast()`] turns a view
//!   of any VMA into a [`DriverVma<T, L>`] if it is one of `T`'s, and only a [`DriverVma`] has the
//!   methods that insert pages. So no page can be inserted into an unrelated VMA at a remembered
//!   address.
//! - A page fault is a [`Fault`], which the answer consumes.
//! - Memory of a device, which can go away while it is mapped, is a [`DeviceMemory`], coherent DMA
//!   memory a [`DmaMemory`] or [`DmaBuffers`], non-coherent a [`NoncoherentMemory`]. An address
//!   that no resource of the device has is claimed by a [`ClaimedMemory`]. Memory whose parts are
//!   replaced while they are mapped is in [`FrameSlots`]. A [`SharedBuffer`] that a device
//!   accesses, too, is a [`DeviceBuffer`]. The files of a device reach it by a [`BoundGate`].
//!
//! # Locks held by the callers
//!
//! Each callback gets its VMA at the level of the locks that its C callers hold:
//!
//! | callback        | level        | called by                                                |
//! |-----------------|--------------|----------------------------------------------------------|
//! | `open`          | [`Opening`]  | `dup_mmap()`, `__split_vma()`, `copy_vma()`              |
//! | `close`         | [`Closing`]  | `vma_close()`: `remove_vma()`, `vms_clean_up_area()`     |
//! | `mapped`        | no view      | `mmap_action_finish()`, by `call_vma_mapped()`           |
//! | `may_split`     | [`MmapWrite`]| `__split_vma()`, `prep_move_vma()`                       |
//! | `mremap`        | [`VmaWrite`] | `copy_vma_and_data()`, after `copy_vma()` has linked it  |
//! | `mprotect`      | [`MmapWrite`]| `do_mprotect_pkey()`                                     |
//! | `fault`         | [`Read`]     | `__do_fault()`                                           |
//! | `huge_fault`    | [`Read`]     | `create_huge_pmd()`, `wp_huge_pmd()` and those of PUDs   |
//! | `map_pages`     | [`Read`]     | `do_fault_around()`, inside of RCU                       |
//! | `page_mkwrite`  | [`Read`]     | `do_page_mkwrite()`                                      |
//! | `pfn_mkwrite`   | [`Read`]     | `wp_pfn_shared()`                                        |
//! | `access`        | [`MmapRead`] | `__access_remote_vm()`                                   |
//! | `name`          | [`Read`]     | `get_vma_name()`, `always_dump_vma()`                    |
//!
//! # Which file operations
//!
//! A misc device implements [`MiscDevice::mmap_setup()`] or [`MiscDevice::mmap_prepare()`], the
//! files of [`anon_inode_create_getfile()`] those of [`AnonFile`]. A DRM driver implements
//! `MappableObject` for its GEM objects (`CONFIG_DRM=y`), and `drm::Driver::mmap_setup()` for what
//! is no object. The file operations of another subsystem get such hooks by [`MmapHooks`] and
//! [`with_mmap_hooks()`].
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)
//!
//! [`Vma::downcast()`]: super::Vma::downcast
//! [`Opening`]: super::Opening
//! [`Closing`]: super::Closing
//! [`MmapWrite`]: super::MmapWrite
//! [`VmaWrite`]: super::VmaWrite
//! [`Read`]: super::Read
//! [`MmapRead`]: super::MmapRead
//! [`MiscDevice::mmap_setup()`]: crate::miscdevice::MiscDevice::mmap_setup
//! [`MiscDevice::mmap_prepare()`]: crate::miscdevice::MiscDevice::mmap_prepare

mod brand;
mod driver_vma;
mod fault;
mod file;
#[cfg(CONFIG_DRM = "y")]
mod gem;
pub mod kind;
mod memory;
mod operations;
mod setup;
mod unknown_owner;

#[cfg(CONFIG_DRM = "y")]
pub use self::gem::{
    FramesObject,
    MappableObject,
    ObjectFile,
    ObjectKind, //
};
#[cfg(CONFIG_DMA_SHARED_BUFFER)]
pub use self::memory::DmaBuf;
#[cfg(CONFIG_DRM = "y")]
pub use self::memory::{
    LendsFrames,
    Lent, //
};
pub(super) use self::unknown_owner::NotOfAnyVma;
pub use self::{
    driver_vma::DriverVma,
    fault::{
        Fault,
        FaultFlags,
        FaultOutcome,
        HugeFault,
        HugeFaultOutcome,
        MapPages,
        MkWrite,
        MkWriteOutcome,
        Released, //
    },
    file::{
        anon_inode_create_getfile,
        with_mmap_hooks,
        AnonFile,
        MmapHooks, //
    },
    kind::{
        DeviceMap,
        DmaMap,
        MapsPages,
        MixedMap,
        PageKind,
        PfnMap,
        Plain,
        SamePageKind, //
    },
    memory::{
        BoundGate,
        BoundGateRegistration,
        BoundGuard,
        BoundMemory,
        ClaimedMemory,
        DeviceBacked,
        DeviceBuffer,
        DeviceMemory,
        DeviceResource,
        DevresClaimedMemory,
        DmaBacked,
        DmaBuffers,
        DmaMemory,
        FilePages,
        FoundFrame,
        FrameSlots,
        Frames,
        HasFrames,
        MemoryType,
        NoncoherentGuard,
        NoncoherentMemory,
        PfnBacked,
        PfnPieces,
        PfnRegion,
        Pieces,
        SharedBuffer,
        SharedPage,
        ShmemFile, //
    },
    operations::{
        AccessBuffer,
        AccessBytes,
        AccessReply,
        DataOf,
        MappedRange,
        OperationsTable,
        PrivateData,
        VmOpsTable,
        VmaOperations, //
    },
    setup::{
        EndsDesc,
        EndsSetup,
        Hook,
        Mapped,
        Prepared,
        SetupFlags,
        ViaMmap,
        ViaMmapPrepare,
        VmaDesc,
        VmaSetup, //
    },
};
