// SPDX-License-Identifier: GPL-2.0
//! The page frames of mirrored memory have no reference: they are valid under the lock of the state.
//@needs: CONFIG_HMM_MIRROR

include!("support/module.rs");

use core::ops::Range;
use kernel::mm::vma::VmaLocks;
use kernel::mm::vma::notifier::{FaultFor, HmmFrame, HmmRoom, IntervalNotifier, Mirror};
use kernel::prelude::*;

struct Entry(usize);

#[vtable]
impl Mirror for Entry {
    fn invalidate(&mut self, _range: Range<usize>) {
        self.0 = 0;
    }
}

fn first(notifier: &IntervalNotifier<Entry>, locks: &mut VmaLocks<'_>, room: &mut HmmRoom) -> Result {
    let mut kept: Option<&[HmmFrame]> = None;
    notifier.fault(locks, notifier.range(), FaultFor::Read, room, |entry, frames| {
        entry.0 = frames.len();
        #[cfg(misuse)]
        {
            kept = Some(frames); //~ E0521 "borrowed data escapes outside of closure"
        }
    })?;
    kept.take();
    Ok(())
}
