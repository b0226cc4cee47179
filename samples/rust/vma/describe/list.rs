// SPDX-License-Identifier: GPL-2.0

//! A consistent snapshot of all VMAs of an address space.
//!
//! They are listed under one mmap read lock. If each VMA were locked by itself, mappings that are
//! created and removed in between could be missed or seen twice.

use crate::{
    abi::Record,
    describe::record, //
};
use kernel::{
    mm::{
        Mm,
        MmWithUser, //
    },
    prelude::*,
    sync::aref::ARef, //
};

/// The list, and the address space that it describes.
pub(crate) struct List {
    // Not `MmWithUser`: an open file must not keep the memory of a dead process.
    mm: ARef<Mm>,
    records: KVVec<Record>,
}

impl List {
    /// Lists the VMAs of `mm`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, and `EINTR` if the task is being killed.
    pub(crate) fn new(mm: &MmWithUser) -> Result<Self> {
        // Enough for most processes, and allocated without the lock. For the others the list grows
        // under the lock. The allocation may sleep, as it may in page faults under the same lock,
        // because reclaim never waits for an mmap lock. It is charged to the user, who can have
        // many lists.
        let mut records = KVVec::with_capacity(128, GFP_KERNEL_ACCOUNT)?;

        let mut locks = mm.vma_locks();
        let mmap = locks.read_killable()?;
        for vma in mmap.vmas() {
            records.push(record(vma), GFP_KERNEL_ACCOUNT)?;
        }
        drop(mmap);

        Ok(Self {
            mm: ARef::from(&**mm),
            records,
        })
    }

    /// Returns whether this list describes `mm`.
    pub(crate) fn is_of(&self, mm: &MmWithUser) -> bool {
        core::ptr::eq(&*self.mm, &**mm)
    }

    /// Returns the list as `read()` copies it to users.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.records[..].as_bytes()
    }
}
