// SPDX-License-Identifier: GPL-2.0

//! What the drivers say to their users, of which this library needs a part.
#![allow(dead_code, reason = "the programs need the rest")]

#[path = "../../../samples/rust/vma/abi.rs"]
pub mod all;
#[path = "../../../samples/rust/vma/buffer_abi.rs"]
pub mod buffer;
#[path = "../../../samples/rust/vma/map_abi.rs"]
pub mod map;
#[path = "../../../samples/rust/vma/pfn_abi.rs"]
pub mod pfn;
#[path = "../../../samples/rust/vma/userptr_abi.rs"]
pub mod userptr;
