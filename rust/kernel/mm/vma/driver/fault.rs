// SPDX-License-Identifier: GPL-2.0

//! Page faults, and their answers.
//!
//! A fault is held together with the lock that protects its VMA, and is consumed by the answer:
//! each answer is made from the fault, once. So a handler cannot give two answers, none, or one
//! that was meant for another fault.
//!
//! - `page` has the fault of one page, and `release` the release of its lock.
//! - `huge` has the fault where a huge page fits.
//! - `mk_write` has the write fault of a page that is mapped read-only.
//! - `map_pages` has the pages around a read fault.
//! - `context` has what all of them share, and `flags` the flags.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)

mod context;
mod flags;
mod huge;
mod map_pages;
mod mk_write;
mod page;
mod release;

pub use self::{
    flags::FaultFlags,
    huge::{
        HugeFault,
        HugeFaultOutcome, //
    },
    map_pages::MapPages,
    mk_write::{
        MkWrite,
        MkWriteOutcome, //
    },
    page::{
        Fault,
        FaultOutcome, //
    },
    release::Released,
};
