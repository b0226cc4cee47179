// SPDX-License-Identifier: GPL-2.0

//! One VMA, described under the lock that the user asks for.
//!
//! The lock does not change what is read, only what can go wrong. So the four ways to lock
//! differ, and share one function that is generic over the lock level.

use crate::abi::{
    flag,
    held,
    locking,
    Describe,
    Record,
    READERS_UNKNOWN, //
};
use kernel::{
    mm::{
        vma::{
            HeldLock,
            ReadFields,
            VmRefcnt,
            Vma,
            VmaFlag, //
        },
        MmWithUser, //
    },
    page::PAGE_SHIFT,
    prelude::*, //
};

/// Answers a request.
///
/// # Errors
///
/// - `EINVAL`: the way to lock is unknown, or a reserved field is not zero.
/// - `ENOENT`: there is no VMA at the address.
/// - `EAGAIN`: locking under RCU failed, perhaps because there is no VMA at the address.
/// - `EOPNOTSUPP`: this kernel has no VMA locks to hand over to.
/// - `EINTR`: the task is being killed.
pub(crate) fn describe(mm: &MmWithUser, request: Describe) -> Result<Describe> {
    let how = request.locking;
    let is_known = matches!(
        how,
        locking::RCU | locking::MMAP | locking::HANDED_OVER | locking::ANY
    );
    if !is_known || request.reserved != [0; 2] {
        return Err(EINVAL);
    }
    let at = usize::try_from(request.addr).map_err(|_| ENOENT)?;

    let mut locks = mm.vma_locks();
    let (vma, held, readers) = match how {
        locking::RCU => {
            let vma = locks.lock_vma_under_rcu(at).ok_or(EAGAIN)?;
            (record(&vma), held::VMA, readers(&vma))
        }
        locking::MMAP => {
            let mmap = locks.read_killable()?;
            let vma = mmap.lookup(at).ok_or(ENOENT)?;
            (record(vma), held::MMAP, readers(vma))
        }
        locking::HANDED_OVER => {
            let mmap = locks.read_killable()?;
            let vma = mmap.lock_vma(at)?;
            drop(mmap);
            (record(&vma), held::VMA, readers(&vma))
        }
        _ => {
            let vma = locks.lock_vma_killable(at)?.ok_or(ENOENT)?;
            let held = match vma.held() {
                HeldLock::Vma => held::VMA,
                HeldLock::Mmap => held::MMAP,
            };
            (record(&vma), held, readers(&vma))
        }
    };

    Ok(Describe {
        vma,
        held,
        readers,
        ..request
    })
}

/// Describes a VMA, at any level that permits reading it.
pub(crate) fn record<L: ReadFields>(vma: &Vma<L>) -> Record {
    let has_file = vma.file().is_some();
    let offset = if has_file {
        (vma.pgoff() as u64) << PAGE_SHIFT
    } else {
        0
    };

    let kernel_flags = vma.flags();
    let mut flags = if has_file { flag::FILE } else { 0 };
    for (theirs, ours) in [
        (VmaFlag::READ, flag::READ),
        (VmaFlag::WRITE, flag::WRITE),
        (VmaFlag::EXEC, flag::EXEC),
        // The kernel clears `SHARED` in shared mappings of files that are not open for writing.
        (VmaFlag::MAYSHARE, flag::SHARED),
        (VmaFlag::GROWSDOWN, flag::GROWSDOWN),
        (VmaFlag::MAYBE_GUARD, flag::MAYBE_GUARD),
    ] {
        if kernel_flags.contains(theirs) {
            flags |= ours;
        }
    }

    Record {
        start: vma.start() as u64,
        end: vma.end() as u64,
        offset,
        flags,
    }
}

/// Counts the VMA's readers, including this task if it is one.
fn readers<L: ReadFields>(vma: &Vma<L>) -> u64 {
    match vma.refcnt() {
        Some(VmRefcnt::Attached { .. }) => 0,
        Some(VmRefcnt::Readers { readers, .. } | VmRefcnt::ExcludingReaders { readers }) => {
            readers.into()
        }
        Some(VmRefcnt::Detached | VmRefcnt::Detaching | VmRefcnt::Saturated) | None => {
            READERS_UNKNOWN
        }
    }
}
