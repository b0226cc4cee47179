// SPDX-License-Identifier: GPL-2.0
//! The first notifier of an address space takes its mmap lock, and all locks of its reverse mappings.

include!("support/module.rs");

use core::ops::Range;
use kernel::mm::vma::notifier::{IntervalNotifier, Mirror};
use kernel::mm::MmWithUser;
use kernel::prelude::*;

struct Known;

#[vtable]
impl Mirror for Known {
    fn invalidate(&mut self, _range: Range<usize>) {}
}

fn mirror(mm: &MmWithUser, addr: usize) -> Result<Pin<KBox<IntervalNotifier<Known>>>> {
    let mut locks = mm.vma_locks();
    let mmap = locks.read();
    let vma = mmap.lookup(addr).ok_or(ENOENT)?;
    let range = vma.start()..vma.end();
    #[cfg(not(misuse))]
    drop(mmap);
    let notifier = IntervalNotifier::new(&mut locks, range, Known); //~ E0499 "cannot borrow `locks` as mutable more than once at a time"
    let notifier = KBox::pin_init(notifier, GFP_KERNEL);
    #[cfg(misuse)]
    drop(mmap);
    notifier
}
