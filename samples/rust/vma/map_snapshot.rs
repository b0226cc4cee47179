// SPDX-License-Identifier: GPL-2.0

//! Several VMAs of the caller's as they are at one moment: all of them are locked when they are
//! looked at.

use crate::abi::{
    flag,
    held,
    reason,
    Snapshot,
    ADDRESSES_AT,
    MAX_ADDRESSES,
    VMAS_AT, //
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

/// Answers a request; on some failures, too.
///
/// # Errors
///
/// `EINVAL` for a request that is none, `EINTR` if the task is being killed, and one for each
/// reason, see `ReadLockError`. Only with those is the answer something to give to the user.
pub(crate) fn take(mm: &MmWithUser, request: &mut Snapshot) -> Result {
    let count = usize::try_from(request[0])?;
    if !(1..=MAX_ADDRESSES).contains(&count) {
        return Err(EINVAL);
    }
    let unused = [1..ADDRESSES_AT, ADDRESSES_AT + count..request.len()];
    if unused
        .into_iter()
        .any(|words| request[words].iter().any(|word| *word != 0))
    {
        return Err(EINVAL);
    }

    // An address that is too large has no VMA.
    let address = |word: u64| usize::try_from(word).unwrap_or(usize::MAX);
    // Those that are not used name the first VMA once more, which is locked once.
    let mut addrs = [address(request[ADDRESSES_AT]); MAX_ADDRESSES];
    for (addr, word) in addrs.iter_mut().zip(&request[ADDRESSES_AT..][..count]) {
        *addr = address(*word);
    }

    let mut locks = mm.vma_locks();
    let vmas = match locks.lock_vmas_killable(addrs)? {
        Ok(vmas) => vmas,
        Err(e) => {
            request[2] = e.index as u64;
            request[3] = match e.reason {
                ReadLockError::NoVma => reason::NO_VMA,
                ReadLockError::ReadersAtLimit => reason::READERS_AT_LIMIT,
                ReadLockError::NotSupported => reason::NOT_SUPPORTED,
            };
            return Err(e.into());
        }
    };

    request[1] = match vmas.held() {
        HeldLock::Vma => held::VMA,
        HeldLock::Mmap => held::MMAP,
    };
    for (words, vma) in request[VMAS_AT..]
        .chunks_exact_mut(3)
        .zip(vmas.views())
        .take(count)
    {
        words.copy_from_slice(&describe(vma));
    }
    Ok(())
}

fn describe<L: ReadFields>(vma: &Vma<L>) -> [u64; 3] {
    let kernel_flags = vma.flags();
    let mut flags = 0;
    for (theirs, ours) in [
        (VmaFlag::READ, flag::READ),
        (VmaFlag::WRITE, flag::WRITE),
        (VmaFlag::EXEC, flag::EXEC),
        // `SHARED` is taken away from shared mappings of files that are not open for writing.
        (VmaFlag::MAYSHARE, flag::SHARED),
        (VmaFlag::DONTDUMP, flag::DONTDUMP),
    ] {
        if kernel_flags.contains(theirs) {
            flags |= ours;
        }
    }

    [vma.start() as u64, vma.end() as u64, flags]
}
