// SPDX-License-Identifier: GPL-2.0
//! The flags of a VMA are copied, and used after its lock was released.

use core::ops::Range;
use kernel::mm::vma::{
    pin::{PinFor, PinnedPages, Writable},
    VmaFlag, VmaLocks,
};
use kernel::prelude::*;

fn pin(locks: &mut VmaLocks<'_>, memory: Range<usize>) -> Result<PinnedPages<Writable>> {
    let seen = locks.lock_vma(memory.start).ok_or(EFAULT)?.flags();
    if !seen.contains(VmaFlag::WRITE) {
        return Err(EFAULT);
    }
    locks.pin_user_pages_unlocked(memory, PinFor::Short)
}
