// SPDX-License-Identifier: GPL-2.0

//! The memory that a driver maps.
//!
//! - `shared_page` has single pages, which the kernel counts, and `shared_buffer` many of them.
//! - `pfn_region` has page frames, which it does not, and `huge` their huge entries. `pfn_pieces`
//!   has several pieces of them, `page_block` contiguous pages. `found_frame` is how one of them is
//!   mapped, `remap` a range.
//! - `device_memory` has page frames of a device, which may go away: `device_resource` says whose
//!   they are, `claimed_memory` is for an address that no resource has, `reserved_memory` for RAM
//!   that the device tree reserves, `bound_memory` for files of a device, which `bound_gate` lets
//!   in as long as it is bound.
//! - `dma_memory` has coherent DMA memory of a device, `dma_buffers` several buffers of it, and
//!   `noncoherent_memory` such that is handed to and fro. `dma_mappings` ends their mappings.
//!   `device_buffer` has a buffer that a device accesses.
//! - `frame_slots` has pieces that are replaced while they are mapped. `mappings` takes mappings
//!   away, of these and of a device, and `mapping_inode` finds them. `object_frames` has what a GEM
//!   object maps, `attached` the DRM device of that object.
//! - `memfd_pages` has pages of a memfd, which are pieces, too.
//! - `shmem_file` has files of shmem, and `dmabuf` DMA buffers of other drivers. These map them.
//! - `file_pages` unmaps pages of a file from all its mappings.

#[cfg(CONFIG_DRM = "y")]
mod attached;
mod bound_gate;
mod bound_memory;
mod claimed_memory;
mod device_buffer;
mod device_memory;
mod device_resource;
mod dma_buffers;
mod dma_mappings;
mod dma_memory;
#[cfg(CONFIG_DMA_SHARED_BUFFER)]
mod dmabuf;
mod file_pages;
mod found_frame;
mod frame_slots;
mod huge;
mod mapping_inode;
mod mappings;
mod memfd_pages;
mod noncoherent_memory;
#[cfg(CONFIG_DRM = "y")]
mod object_frames;
mod page_block;
mod pfn_pieces;
mod pfn_region;
mod remap;
mod reserved_memory;
mod shared_buffer;
mod shared_page;
mod shmem_file;

#[cfg(CONFIG_DMA_SHARED_BUFFER)]
pub use self::dmabuf::DmaBuf;
#[cfg(CONFIG_DRM = "y")]
pub use self::object_frames::{
    LendsFrames,
    Lent, //
};
pub use self::{
    bound_gate::{
        BoundGate,
        BoundGateRegistration,
        BoundGuard, //
    },
    bound_memory::BoundMemory,
    claimed_memory::{
        ClaimedMemory,
        DevresClaimedMemory, //
    },
    device_buffer::DeviceBuffer,
    device_memory::{
        DeviceBacked,
        DeviceMemory, //
    },
    device_resource::DeviceResource,
    dma_buffers::DmaBuffers,
    dma_mappings::DmaBacked,
    dma_memory::DmaMemory,
    file_pages::FilePages,
    found_frame::FoundFrame,
    frame_slots::FrameSlots,
    noncoherent_memory::{
        NoncoherentGuard,
        NoncoherentMemory, //
    },
    pfn_pieces::{
        PfnPieces,
        Pieces, //
    },
    pfn_region::{
        Frames,
        HasFrames,
        MemoryType,
        PfnBacked,
        PfnRegion, //
    },
    shared_buffer::SharedBuffer,
    shared_page::SharedPage,
    shmem_file::ShmemFile,
};
#[cfg(CONFIG_DRM = "y")]
pub(super) use self::{
    device_memory::sealed as device_backed,
    mapping_inode::owned_file, //
};
pub(super) use self::{
    huge::make_room,
    remap::Remap, //
};
