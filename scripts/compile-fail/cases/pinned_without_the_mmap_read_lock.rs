// SPDX-License-Identifier: GPL-2.0
//! User pages are pinned under the mmap read lock, or without any lock.

use core::ops::Range;
use kernel::{
    mm::vma::{
        pin::{PinFor, PinnedPages, ReadOnly},
        VmaLocks,
    },
    prelude::*,
};
#[cfg(not(misuse))]
type Guard<'a> = kernel::mm::vma::MmapGuard<'a, kernel::mm::vma::MmapRead>;
#[cfg(not(misuse))]
type Held<'a> = &'a mut Guard<'a>;
#[cfg(misuse)]
type Guard<'a> = kernel::mm::vma::MmapGuard<'a, kernel::mm::vma::MmapWrite>;
#[cfg(misuse)]
use kernel::mm::vma::{MmapRead, Vma};
#[cfg(misuse)]
type Held<'a> = &'a Vma<MmapRead>;

type Pins = Result<PinnedPages<ReadOnly>>;

fn by_a_view(vma: Held<'_>, memory: Range<usize>) -> Pins {
    vma.pin_user_pages(memory, PinFor::Short) //~ E0277 "needs an `MmapGuard<MmapRead>`"
}

fn by_the_write_lock(mmap: &mut Guard<'_>, memory: Range<usize>) -> Pins {
    mmap.pin_user_pages(memory, PinFor::Short) //~ E0277 "user pages are pinned under the mmap read lock, which is not held here"
}

fn by_the_scope(locks: &mut VmaLocks<'_>, memory: Range<usize>) -> Pins {
    #[cfg(not(misuse))]
    let mut locks = locks.read();
    locks.pin_user_pages(memory, PinFor::Short) //~ E0277 "or `pin_user_pages_fast()` on the lock scope"
}
