// SPDX-License-Identifier: GPL-2.0

//! The address space of a VMA, and that of another process.
//!
//! - `grabbed` has the address space that a VMA belongs to: to compare, to keep, and to use.
//! - `access` has `mm_access()`, by which a task gets at the address space of another process.
//! - `foreign` bounds what the task may do with that address space.

mod access;
mod foreign;
mod grabbed;

pub use self::{
    access::{
        AttachAccess,
        MayAttach,
        MmAccess,
        PtraceMode,
        ReadAccess, //
    },
    foreign::{
        ForeignCursor,
        ForeignMm,
        ForeignMmRef,
        ForeignVma, //
    },
    grabbed::{
        GrabbedMm,
        MmId,
        NothingHeld, //
    },
};
