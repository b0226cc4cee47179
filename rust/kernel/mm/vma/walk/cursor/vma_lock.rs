// SPDX-License-Identifier: GPL-2.0

//! The search for the next VMA without the mmap lock.
//!
//! `lock_next_vma()` continues from a place in the tree by `mas_next_slot()`, which is not safe
//! concurrently with a writer that empties the tree: its second walk finds no node, and it follows
//! NULL. The search here consists of walks from the root, `mas_walk()` and `lock_vma_under_rcu()`,
//! which are safe. It also leaves RCU before it returns, so the caller may sleep while the VMA is
//! locked.

use super::{
    super::{
        super::VmaGuard,
        iter::vma_iterator,
        speculation::MmapSeq, //
    },
    NeedsMmapLock, //
};
use crate::{
    bindings,
    mm::MmWithUser,
    sync::rcu, //
};

/// The entry of the tree at an address.
#[derive(PartialEq)]
enum Slot {
    /// A VMA.
    Vma,

    /// Nothing, up to and including the address `last`.
    Gap { last: usize },
}

/// Read-locks the first VMA that ends above `addr`, without waiting.
///
/// `gap` says whether to expect nothing mapped at `addr`. It changes what is tried first, not the
/// result.
#[inline]
pub(super) fn try_lock_next(
    mm: &MmWithUser,
    addr: usize,
    gap: bool,
) -> Result<Option<VmaGuard<'_>>, NeedsMmapLock> {
    if !gap {
        if let Some(vma) = VmaGuard::lock_under_rcu(mm, addr) {
            return Ok(Some(vma));
        }
    }

    search(mm, addr)
}

/// [`try_lock_next()`], where there may be a gap at `addr`.
///
/// `mas_walk()` is exported, but inlining this would gain nothing.
#[inline(never)]
fn search(mm: &MmWithUser, addr: usize) -> Result<Option<VmaGuard<'_>>, NeedsMmapLock> {
    let seq = MmapSeq::try_begin(mm);
    let unchanged = || seq.is_some_and(|seq| !seq.must_retry(mm));
    let mut at = addr;

    let vma = loop {
        let Slot::Gap { last } = slot(mm, at) else {
            break VmaGuard::lock_under_rcu(mm, at).ok_or(NeedsMmapLock)?;
        };
        at = match last.checked_add(1) {
            Some(next) if next > at => next,
            None if unchanged() => return Ok(None),
            _ => return Err(NeedsMmapLock),
        };
        // There is a VMA behind a gap, unless a writer changes that concurrently.
        if let Some(vma) = VmaGuard::lock_under_rcu(mm, at) {
            break vma;
        }
    };
    // `at` is not below `addr`, and the VMA contains it.
    let is_next = vma.start() <= addr || unchanged() || is_gap(mm, addr, vma.start());
    // The VMA is locked, so it is still the one behind a gap that is there now.
    is_next.then_some(Some(vma)).ok_or(NeedsMmapLock)
}

/// Returns whether nothing is mapped from `start` to `end`, which is above `start`.
#[cold]
fn is_gap(mm: &MmWithUser, start: usize, end: usize) -> bool {
    slot(mm, start)
        == Slot::Gap {
            last: end.wrapping_sub(1),
        }
}

/// Looks up the entry at `addr` (C: `mas_walk()`).
#[inline]
fn slot(mm: &MmWithUser, addr: usize) -> Slot {
    let mut vmi = vma_iterator(mm, addr);
    let rcu = rcu::read_lock();
    // SAFETY: The iterator is at its start, and belongs to the tree of a live mm, which can be read
    // inside an RCU read-side critical section. `mas_walk()` restarts at the root if it meets a
    // dead node, and returns NULL for an empty tree. Its result is not dereferenced.
    let vma = unsafe { bindings::mas_walk(&mut vmi.mas) };
    drop(rcu);

    match vma.is_null() {
        false => Slot::Vma,
        true => Slot::Gap { last: vmi.mas.last },
    }
}
