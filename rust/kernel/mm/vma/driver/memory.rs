// SPDX-License-Identifier: GPL-2.0

//! The memory that a driver maps.
//!
//! - `shared_page` has single pages, which the kernel counts, and `shared_buffer` many of them.
//! - `pfn_region` has page frames, which it does not, and `huge` their huge entries.
//! - `device_memory` has page frames of a device, which may go away: `device_resource` says whose
//!   they are, `mapping_inode` finds their mappings, `bound_memory` is for the files of a device.
//! - `dma_memory` has coherent DMA memory of a device.
//! - `file_pages` unmaps pages of a file from all its mappings.

mod bound_memory;
mod device_memory;
mod device_resource;
mod dma_memory;
mod file_pages;
mod huge;
mod mapping_inode;
mod pfn_region;
mod shared_buffer;
mod shared_page;

pub use self::{
    bound_memory::BoundMemory,
    device_memory::{
        DeviceBacked,
        DeviceMemory, //
    },
    device_resource::DeviceResource,
    dma_memory::{
        DmaBacked,
        DmaMemory, //
    },
    file_pages::FilePages,
    pfn_region::{
        Frames,
        HasFrames,
        MemoryType,
        PfnBacked,
        PfnRegion, //
    },
    shared_buffer::SharedBuffer,
    shared_page::SharedPage,
};
pub(super) use self::{
    huge::make_room,
    pfn_region::Remap, //
};
