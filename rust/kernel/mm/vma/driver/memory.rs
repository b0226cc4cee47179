// SPDX-License-Identifier: GPL-2.0

//! The memory that a driver maps.
//!
//! - `shared_page` has single pages, which the kernel counts.
//! - `pfn_region` has page frames, which it does not, and `huge` their huge entries.
//! - `file_pages` unmaps pages of a file from all its mappings.

mod file_pages;
mod huge;
mod pfn_region;
mod shared_page;

pub use self::{
    file_pages::FilePages,
    pfn_region::{
        Frames,
        MemoryType,
        PfnBacked,
        PfnRegion, //
    },
    shared_page::SharedPage,
};
pub(super) use self::{
    huge::make_room,
    pfn_region::Remap, //
};
