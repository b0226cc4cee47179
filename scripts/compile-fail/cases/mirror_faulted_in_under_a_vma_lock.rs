// SPDX-License-Identifier: GPL-2.0
//! Faults for a device take the mmap lock, which is outside of VMA locks.
//@needs: CONFIG_HMM_MIRROR

include!("support/module.rs");

use core::ops::Range;
use kernel::mm::vma::VmaLocks;
use kernel::mm::vma::notifier::{FaultFor, HmmRoom, IntervalNotifier, Mirror};
use kernel::prelude::*;

struct Entry(usize);

#[vtable]
impl Mirror for Entry {
    fn invalidate(&mut self, _range: Range<usize>) {
        self.0 = 0;
    }
}

fn map(notifier: &IntervalNotifier<Entry>, locks: &mut VmaLocks<'_>, room: &mut HmmRoom) -> Result<usize> {
    let range = notifier.range();
    let vma = locks.lock_vma_under_rcu(range.start).ok_or(EFAULT)?;
    #[cfg(not(misuse))]
    let start = vma.start();
    #[cfg(not(misuse))]
    drop(vma);
    notifier.fault(locks, range, FaultFor::Read, room, |entry, frames| entry.0 = frames.len())?; //~ E0502 "cannot borrow `*locks` as mutable because it is also borrowed as immutable"
    #[cfg(misuse)]
    let start = vma.start();
    Ok(start)
}
