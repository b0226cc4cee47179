// SPDX-License-Identifier: GPL-2.0

//! Visiting the VMAs of an address space, and looking one up without a lock.
//!
//! - `iter` visits VMAs under the mmap lock.
//! - `cursor` visits VMAs under one VMA read lock after the other.
//! - `speculation` reads without a lock, and validates the result by the mmap sequence count.
//! - `unstable` has the few fields that RCU alone permits to read.

mod cursor;
mod iter;
mod speculation;
mod unstable;

pub(super) use self::{
    cursor::lock_next,
    iter::vma_iterator, //
};
pub use self::{
    cursor::{
        LockCounts,
        VmaCursor, //
    },
    iter::{
        Area,
        Areas,
        Vmas, //
    },
    speculation::{
        Speculation,
        SpeculationError,
        SpeculativeVma, //
    },
    unstable::UnstableVma,
};
