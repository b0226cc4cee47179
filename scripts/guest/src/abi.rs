// SPDX-License-Identifier: GPL-2.0

//! The structures and ioctl numbers of the drivers.
//!
//! The programs see the structures as arrays of 64-bit words, because the tests of bad input change each word in turn.
#![allow(dead_code, unused_imports, reason = "each program needs a part")]

#[path = "../../../samples/rust/vma/accel/abi.rs"]
mod accel_abi;
#[path = "../../../samples/rust/vma/bar/abi.rs"]
mod bar_abi;
#[path = "../../../samples/rust/vma/buffer/abi.rs"]
mod buffer_abi;
#[path = "../../../samples/rust/vma/describe/abi.rs"]
mod describe_abi;
#[path = "../../../samples/rust/vma/drm/abi.rs"]
mod drm_abi;
#[path = "../../../samples/rust/vma/first/abi.rs"]
mod first_abi;
#[path = "../../../samples/rust/vma/map/abi.rs"]
mod map_abi;
#[path = "../../../samples/rust/vma/pfn/abi.rs"]
mod pfn_abi;
#[path = "../../../samples/rust/vma/pieces/abi.rs"]
mod pieces_abi;
#[path = "../../../samples/rust/vma/ring/abi.rs"]
mod ring_abi;
#[path = "../../../samples/rust/vma/userptr/abi.rs"]
mod userptr_abi;

/// Declares a module with a driver's numbers, and each of its structures as an array of words.
macro_rules! words {
    ($($name:ident: $abi:ident { $($structure:ident),* };)*) => {$(
        pub mod $name {
            pub(crate) use super::$abi::*;
            $(pub type $structure = [u64; size_of::<super::$abi::$structure>() / 8];)*
        }
    )*};
}

words! {
    accel: accel_abi { Memory };
    all: describe_abi { Record, Describe };
    bar: bar_abi { Stats, Word };
    buffer: buffer_abi { Request, Stats };
    drm: drm_abi { Plug, Stats, Create };
    first: first_abi { Stats };
    map: map_abi { Select, Histogram, Snapshot, Stats };
    pfn: pfn_abi { Stats };
    pieces: pieces_abi { Ranges, Stats };
    ring: ring_abi { Memory, Request, Completion };
    userptr: userptr_abi { Request, Stats };
}
