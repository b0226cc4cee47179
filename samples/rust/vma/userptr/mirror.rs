// SPDX-License-Identifier: GPL-2.0

//! Memory that is mirrored: the page table of a device that is not there.

use core::ops::Range;
use kernel::{
    mm::{
        vma::notifier::{
            FaultFor,
            HmmRoom,
            IntervalNotifier,
            Mirror, //
        },
        MmWithUser, //
    },
    page::PAGE_SIZE,
    prelude::*, //
};

/// The page table of a device: the page frame of each page, if it is known.
struct PageTable {
    start: usize,
    frames: KVec<Option<usize>>,
}

#[vtable]
impl Mirror for PageTable {
    fn invalidate(&mut self, range: Range<usize>) {
        let first = (range.start - self.start) / PAGE_SIZE;
        let end = (range.end - self.start).div_ceil(PAGE_SIZE);
        if let Some(frames) = self.frames.get_mut(first..end) {
            frames.fill(None);
        }
    }

    fn try_invalidate(&mut self, range: Range<usize>) -> bool {
        self.invalidate(range);
        true
    }
}

/// Memory of a process that is mirrored.
pub(crate) struct Mirrored {
    notifier: Pin<KBox<IntervalNotifier<PageTable>>>,
    room: HmmRoom,
    bytes: KVec<u8>,
}

impl Mirrored {
    /// Starts to mirror memory of the current task.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it has parts of pages.
    pub(crate) fn new(mm: &MmWithUser, range: Range<usize>) -> Result<Self> {
        if (range.start | range.end) % PAGE_SIZE != 0 {
            return Err(EINVAL);
        }
        let count = range.len() / PAGE_SIZE;
        let table = PageTable {
            start: range.start,
            frames: KVec::from_elem(None, count, GFP_KERNEL_ACCOUNT)?,
        };

        let mut locks = mm.vma_locks();
        let notifier = IntervalNotifier::new(&mut locks, range, table);
        Ok(Self {
            notifier: KBox::pin_init(notifier, GFP_KERNEL_ACCOUNT)?,
            room: HmmRoom::new(count)?,
            bytes: KVec::from_elem(0, PAGE_SIZE, GFP_KERNEL_ACCOUNT)?,
        })
    }

    /// Looks all pages up, and sums up their bytes.
    ///
    /// # Errors
    ///
    /// `EFAULT` if not all are mapped.
    pub(crate) fn sum(&mut self, mm: &MmWithUser) -> Result<u64> {
        let Self {
            notifier,
            room,
            bytes,
        } = self;
        let range = notifier.range();

        let mut locks = mm.vma_locks();
        notifier.fault(&mut locks, range, FaultFor::Read, room, |table, frames| {
            let mut sum = 0;
            for (known, frame) in table.frames.iter_mut().zip(frames) {
                // No page is gone before this ends: an invalidation waits for it.
                frame.read(0, bytes)?;
                sum += bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
                *known = Some(frame.pfn());
            }
            Ok(sum)
        })?
    }

    /// Returns the number of pages that are known.
    pub(crate) fn known(&self) -> u64 {
        self.notifier
            .with_state(|table| table.frames.iter().flatten().count() as u64)
    }
}
