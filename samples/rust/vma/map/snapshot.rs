// SPDX-License-Identifier: GPL-2.0

//! A consistent snapshot of several VMAs of the caller: all of them are locked while they are read.

use crate::abi::{
    flag,
    held,
    reason,
    Snapshot,
    SnapshotVma,
    MAX_ADDRESSES, //
};
use kernel::{
    mm::{
        vma::{
            HeldLock,
            ReadFields,
            ReadLockError,
            Vma,
            VmaFlag, //
        },
        MmWithUser, //
    },
    prelude::*, //
};

/// Answers a request. A failure with a [`reason`] fills in `index` and `reason`.
///
/// # Errors
///
/// `EINVAL` for a malformed request, `EINTR` if the task is being killed, and one error for each
/// reason, see `ReadLockError`.
pub(crate) fn take(mm: &MmWithUser, request: &mut Snapshot) -> Result {
    let count = usize::try_from(request.count)?;
    if !(1..=MAX_ADDRESSES).contains(&count) {
        return Err(EINVAL);
    }
    let (asked, unused) = request.addrs.split_at(count);
    let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    if [request.held, request.index, request.reason] != [0; 3]
        || !is_zero(unused.as_bytes())
        || !is_zero(request.vmas.as_bytes())
    {
        return Err(EINVAL);
    }

    // There is no VMA at an address that is too large.
    let address = |addr: u64| usize::try_from(addr).unwrap_or(usize::MAX);
    // The unused entries repeat the first address, whose VMA is locked once.
    let mut addrs = [address(asked[0]); MAX_ADDRESSES];
    for (addr, asked) in addrs.iter_mut().zip(asked) {
        *addr = address(*asked);
    }

    let mut locks = mm.vma_locks();
    let vmas = match locks.lock_vmas_killable(addrs)? {
        Ok(vmas) => vmas,
        Err(e) => {
            request.index = e.index as u64;
            request.reason = match e.reason {
                ReadLockError::NoVma => reason::NO_VMA,
                ReadLockError::ReadersAtLimit => reason::READERS_AT_LIMIT,
                ReadLockError::NotSupported => reason::NOT_SUPPORTED,
            };
            return Err(e.into());
        }
    };

    request.held = match vmas.held() {
        HeldLock::Vma => held::VMA,
        HeldLock::Mmap => held::MMAP,
    };
    for (entry, vma) in request.vmas.iter_mut().zip(vmas.views()).take(count) {
        *entry = describe(vma);
    }
    Ok(())
}

fn describe<L: ReadFields>(vma: &Vma<L>) -> SnapshotVma {
    let kernel_flags = vma.flags();
    let mut flags = 0;
    for (theirs, ours) in [
        (VmaFlag::READ, flag::READ),
        (VmaFlag::WRITE, flag::WRITE),
        (VmaFlag::EXEC, flag::EXEC),
        // The kernel clears `SHARED` in shared mappings of files that are not open for writing.
        (VmaFlag::MAYSHARE, flag::SHARED),
        (VmaFlag::DONTDUMP, flag::DONTDUMP),
    ] {
        if kernel_flags.contains(theirs) {
            flags |= ours;
        }
    }

    SnapshotVma {
        start: vma.start() as u64,
        end: vma.end() as u64,
        flags,
    }
}
