// SPDX-License-Identifier: GPL-2.0

//! All VMAs of an address space, as they were at one moment.
//!
//! They are listed in one go under the mmap read lock. If instead each VMA were locked by itself,
//! mappings that come and go in between could be missed or seen twice.

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
    sync::aref::ARef,
    transmute::AsBytes, //
};

/// The list, and whose it is.
pub(crate) struct List {
    // Not `MmWithUser`: a list that somebody forgot must not keep a dead process's memory.
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
        // Enough for most processes, without holding up the address space. For the others the list
        // grows under the lock: that may sleep for memory, as page faults do under the same lock,
        // because reclaim never waits for an mmap lock. Users can have many lists, so they pay for
        // them.
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

    /// Whether this list is one of `mm`.
    pub(crate) fn is_of(&self, mm: &MmWithUser) -> bool {
        core::ptr::eq(&*self.mm, &**mm)
    }

    /// The list as `read()` gives it to users.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        AsBytes::as_bytes(&self.records[..])
    }
}
